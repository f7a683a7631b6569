import type { Argument, Command, Option } from 'commander'

/** What a value of the command line names; `files` are those of this host, which the shell knows itself. */
export type NameKind =
  | 'policies'
  | 'schedules'
  | 'clients'
  | 'jobs'
  | 'images'
  | 'volumes'
  | 'pools'
  | 'drives'
  | 'robots'
  | 'storage-units'
  | 'groups'
  | 'media-servers'
  | 'hosts'
  | 'backed-up'
  | 'commands'
  | 'files'

/** By what the help calls the value. */
const byPlaceholder: Readonly<Record<string, NameKind>> = {
  POLICY: 'policies',
  'POLICY-or-PATH': 'policies',
  IMAGE: 'images',
  JOB: 'jobs',
  POOL: 'pools',
  UNIT: 'storage-units',
  MEMBER: 'storage-units',
  GROUP: 'groups',
  CLIENT: 'clients',
  COMMAND: 'commands',
  FILE: 'files',
  DIR: 'files',
}

const byOption: Readonly<Record<string, NameKind>> = {
  '--policy': 'policies',
  '--schedule': 'schedules',
  '--client': 'clients',
  '--to-client': 'clients',
  '--parent': 'jobs',
  '--image': 'images',
  '--volume': 'volumes',
  '--pool': 'pools',
  '--drive': 'drives',
  '--robot': 'robots',
  '--media-server': 'media-servers',
  '--by': 'hosts',
  '--socket': 'files',
  '--below': 'backed-up',
  '--strip': 'backed-up',
}

/** By the first word of the command, where the help says `NAME`, `ID` or `PATH`. */
const byCommand: Readonly<Record<string, NameKind>> = {
  job: 'jobs',
  why: 'jobs',
  cancel: 'jobs',
  suspend: 'jobs',
  resume: 'jobs',
  restart: 'jobs',
  priority: 'jobs',
  volume: 'volumes',
  volumes: 'volumes',
  policy: 'policies',
  drive: 'drives',
  robot: 'robots',
  storage: 'storage-units',
  group: 'groups',
  'media-server': 'media-servers',
  pool: 'pools',
  host: 'hosts',
  list: 'backed-up',
  restore: 'backed-up',
}

/** What an option's value names, where it is the name of something. */
export function kindOfOption({ long, flags }: Option): NameKind | undefined {
  const placeholder = /[<[]([A-Za-z-]+)/.exec(flags)?.[1] ?? ''
  return byOption[long ?? ''] ?? byPlaceholder[placeholder]
}

/** What an argument of a command names, where it is the name of something. */
export function kindOfArgument(command: Command, argument: Argument): NameKind | undefined {
  const name = argument.name()
  const kind = byPlaceholder[name]
  if (kind !== undefined || !['NAME', 'ID', 'PATH'].includes(name)) return kind
  let top = command
  while (top.parent?.parent) top = top.parent
  // A host that gets a token is a new one, mostly.
  return command.name() === 'token' ? undefined : byCommand[top.name()]
}
