import {
  type ScheduleCopy,
  type CallOptions,
  displayPath,
  NbError,
  type Schedule,
  type Scheduler,
  type StorageChoice,
  type StoredPolicy,
  toPath,
} from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatPeriod } from '../period-argument.ts'
import { daysText, rhythmText, windowsText } from '../schedule-text.ts'
import { printable } from '../table.ts'
import { formatTime } from '../units.ts'

/** Options of `nb policy show`. */
export interface PolicyShowOptions extends CallOptions {
  readonly name: string
}

/** `nb policy show NAME`: a policy with its schedules. Rejects with `policy-unknown`. */
export async function policyShowCommand(
  { scheduler }: Pick<Ports, 'scheduler'>,
  { name, ...call }: PolicyShowOptions,
  output: Output,
): Promise<ExitCode> {
  const policy = await knownPolicy(scheduler, name, call)
  if (output.json) {
    await output.value(policy)
    return 0
  }
  const fields = fieldsOf(policy).filter(([, value]) => value !== undefined)
  const width = Math.max(...fields.map(([field]) => field.length))
  for (const [field, value] of fields) await output.line(`${field.padEnd(width)}  ${printable(value ?? '')}`)
  await output.line('')
  await output.table(policy.schedules, [
    { title: 'SCHEDULE', value: (one) => one.name },
    { title: 'TYPE', value: (one) => one.type },
    { title: 'RUNS', value: rhythmText, shrinks: true },
    { title: 'WINDOWS', value: (one) => windowsText(one.windows), shrinks: true },
    { title: 'RETENTION', value: (one) => one.retentionLevel, align: 'right' },
    ...column(policy, 'NOT ON', (one) => one.exclude && daysText(one.exclude)),
    ...column(policy, 'MULTIPLEXING', (one) => one.multiplexing?.toString()),
    ...column(policy, 'STORAGE', (one) => one.storage && storageText(one.storage)),
    ...column(policy, 'POOL', (one) => one.volumePool),
    ...column(policy, 'COPIES', (one) => one.copies?.map(copyText).join('; ')),
  ])
  return 0
}

/** The policy of a name. Rejects with `policy-unknown`. */
export async function knownPolicy(
  scheduler: Pick<Scheduler, 'getPolicy'>,
  name: string,
  call: CallOptions,
): Promise<StoredPolicy> {
  const policy = await scheduler.getPolicy({ name }, call)
  if (policy === undefined)
    throw new NbError('policy-unknown', `there is no policy ${name}; nb policies lists them`, {
      details: { policy: name },
    })
  return policy
}

/** Where a policy's data goes, in a word. */
export function storageText(choice: StorageChoice): string {
  return choice.kind === 'any' ? 'any' : choice.kind === 'group' ? `group ${choice.name}` : choice.name
}

function column(
  { schedules }: StoredPolicy,
  title: string,
  value: (schedule: Schedule) => string | undefined,
): { readonly title: string; readonly value: typeof value; readonly shrinks: true }[] {
  return schedules.some((one) => value(one) !== undefined) ? [{ title, value, shrinks: true }] : []
}

function fieldsOf(policy: StoredPolicy): (readonly [string, string | undefined])[] {
  const { checkpointIntervalMs = 900_000, maxJobs } = policy
  return [
    ['policy', policy.name],
    ['generation', `${policy.generation}, changed ${formatTime(policy.changedAt)}`],
    ['active', policy.active ? 'yes' : 'no'],
    ['effective from', policy.effectiveAt === undefined ? undefined : formatTime(policy.effectiveAt)],
    ['clients', policy.clients.join(' ')],
    ['selections', policy.selections.map((one) => displayPath(toPath(one))).join(' ')],
    ['streams', policy.multipleStreams === true ? 'several' : undefined],
    ['leaves out', policy.exclude?.join(' ')],
    ['but not', policy.include?.join(' ')],
    ['crosses mount points', policy.crossMountPoints === true ? 'yes' : undefined],
    ['compression', policy.compression],
    ['digest of each file', policy.digest],
    ['checkpoints', checkpointIntervalMs === 0 ? 'none' : `every ${formatPeriod(checkpointIntervalMs)}`],
    ['storage', storageText(policy.storage)],
    ['volume pool', policy.volumePool],
    ['priority', String(policy.priority ?? 0)],
    ['most jobs at once', maxJobs === undefined ? undefined : String(maxJobs)],
  ]
}

/** One of the copies that are written at once: `disk2, retention 3, may fail`. */
function copyText({ storage, retentionLevel, onFailure }: ScheduleCopy): string {
  const told = [
    storage === undefined ? undefined : storageText(storage),
    retentionLevel === undefined ? undefined : `retention ${retentionLevel}`,
    onFailure === 'continue' ? 'may fail' : undefined,
  ].filter((each) => each !== undefined)
  return told.length === 0 ? 'as the schedule' : told.join(', ')
}
