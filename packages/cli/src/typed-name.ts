import { type Command } from 'commander'

/** What people type for a field of a request, where the names differ: the option's key, or the argument's name. */
const typedAs: Readonly<Record<string, readonly string[]>> = {
  backupId: ['image', 'ID'],
  client: ['client', 'NAME'],
  destinationClient: ['toClient'],
  drive: ['drive', 'NAME'],
  'from.at': ['at'],
  'from.backupId': ['image'],
  'from.client': ['client'],
  'from.policy': ['policy'],
  level: ['LEVEL'],
  maxConcurrentDrives: ['maxDrives'],
  maxConcurrentJobs: ['maxJobs'],
  maxFragmentBytes: ['maxFragment'],
  maxPartiallyFull: ['maxPartlyFull'],
  maxStreamsPerDrive: ['maxStreams'],
  members: ['MEMBER'],
  name: ['NAME'],
  path: ['PATH'],
  paths: ['PATH', 'POLICY-or-PATH'],
  periodMs: ['PERIOD'],
  policy: ['policy', 'POLICY', 'POLICY-or-PATH'],
  priority: ['N'],
  robot: ['NAME'],
  stateReason: ['reason'],
  'target.directory': ['to'],
  'target.strip': ['strip'],
  volumeId: ['volume', 'ID'],
}

/**
 * How a person typed a field of a request on the command line, as commander writes it: `option '--max-jobs <N>'`,
 * `argument 'NAME'`; `undefined` for what they did not type.
 */
export function typedName(command: Command, field: string): string | undefined {
  const plain = field.replace(/\[\d+\]$/, '')
  for (const key of typedAs[plain] ?? [plain]) {
    const option = command.options.find((each) => each.attributeName() === key)
    if (option !== undefined && command.getOptionValueSource(key) === 'cli') return `option '${option.flags}'`
    const argument = command.registeredArguments.findIndex((each) => each.name() === key)
    if (argument >= 0 && command.args.length > argument) return `argument '${key}'`
  }
  return undefined
}
