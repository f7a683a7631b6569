import { type CallOptions, type RetentionLevel, printRetentionPeriod } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatPeriod } from '../period-argument.ts'

/** `nb retention`: how long images of each retention level are kept. */
export async function retentionCommand(
  { scheduler }: Pick<Ports, 'scheduler'>,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const levels = await scheduler.retentionLevels({}, call)
  if (output.json) {
    for (const level of levels) await output.value(level)
    return 0
  }
  await output.table(spans(levels), [
    {
      title: 'LEVEL',
      value: ({ first, last }) => (first === last ? String(first) : `${first}-${last}`),
      align: 'right',
    },
    { title: 'KEPT', value: ({ periodMs }) => keptText(periodMs) },
  ])
  return 0
}

/** Options of `nb retention set`. */
export interface RetentionSetOptions extends CallOptions, RetentionLevel {}

/** `nb retention set LEVEL PERIOD`: for backups from now on. Rejects with `argument-invalid`; 9 and 25 are fixed. */
export async function retentionSetCommand(
  { scheduler }: Pick<Ports, 'scheduler'>,
  { level, periodMs, ...call }: RetentionSetOptions,
  output: Output,
): Promise<ExitCode> {
  const before = (await scheduler.retentionLevels({}, call))[level]?.periodMs
  await scheduler.putRetentionLevel({ level, periodMs }, call)
  if (output.json) {
    await output.value({ level, periodMs })
    return 0
  }
  await output.line(`level ${level}: images of backups from now on are kept ${keptText(periodMs)}`)
  const users: string[] = []
  for await (const { name, schedules } of scheduler.policies({}, call)) {
    const having = schedules.filter(({ retentionLevel }) => retentionLevel === level)
    users.push(...having.map((schedule) => `${name} (${schedule.name})`))
  }
  if (users.length > 0) output.note(`this holds for ${namesOf(users)}`)
  const isGone = before !== periodMs && typeof before === 'number' && before > 0
  if (isGone && !(await scheduler.retentionLevels({}, call)).some((row) => row.periodMs === before)) {
    const period = printRetentionPeriod(before)
    output.note(
      `no level is kept ${period} any more: in policy files that the server has read, "${period}" stays level ${level}, with a warning; other files and nb policy import must say a level, or a period that one has`,
    )
  }
  return 0
}

const mostNames = 20

function namesOf(names: readonly string[]): string {
  const more = names.length - mostNames
  return names.slice(0, mostNames).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

interface Span {
  readonly first: number
  readonly last: number
  readonly periodMs: number | null
}

/** Levels that lie side by side and are kept as long, in a row. */
function spans(levels: readonly RetentionLevel[]): Span[] {
  const found: Span[] = []
  for (const { level, periodMs } of levels) {
    const before = found.at(-1)
    if (before !== undefined && before.periodMs === periodMs && before.last === level - 1)
      found[found.length - 1] = { ...before, last: level }
    else found.push({ first: level, last: level, periodMs })
  }
  return found
}

function keptText(periodMs: number | null): string {
  if (periodMs === null) return 'for ever'
  return periodMs === 0 ? 'at once' : formatPeriod(periodMs)
}
