import type { Plan } from './plan.ts'
import { type Summary, describeWait, total } from './summary.ts'
import { formatCount, formatCounted, formatHours, formatShare, formatSize } from './units.ts'

const levels = ' ▁▂▃▄▅▆▇█'
const mostRows = 15

/** The plan as text. */
export function reportText(plan: Plan): string {
  const { summary } = plan
  const sections = [
    head(plan),
    missed(summary),
    waits(summary),
    drives(summary),
    queue(summary),
    volumes(summary),
  ]
  return `${[...sections, oneMore(plan)].filter((section) => section !== '').join('\n\n')}\n`
}

function head({ site, days, seed, summary }: Plan): string {
  const bytes = site.clients.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const drives = site.libraries.reduce((sum, library) => sum + library.drives, 0)
  const statuses = summary.statuses.map(({ status, jobs }) => `${formatCount(jobs)} with ${status}`)
  return [
    `${site.name}: ${formatCounted(days, 'day')}, seed ${seed}`,
    `  ${formatCounted(site.clients.length, 'client')} with ${formatSize(bytes)}; ${formatCounted(drives, 'drive')} in ${formatCounted(site.libraries.length, 'library', 'libraries')}; ${formatCounted(site.disks.length, 'disk storage unit')}`,
    `  ${formatCounted(summary.jobs, 'job')}, ${formatSize(summary.bytesWritten)} written; ended: ${statuses.join(', ')}`,
  ].join('\n')
}

function missed(summary: Summary): string {
  const { missed: count, runs, misses, clients } = summary
  const share = runs === 0 ? 0 : count / runs
  const late = summary.overran === 0 ? '' : `; ${formatCount(summary.overran)} more ran on after their window`
  const title = `Missed windows: ${formatCount(count)} of ${formatCount(runs)} (${formatShare(share)})${late}`
  if (count === 0) return title
  const rows = misses.slice(0, mostRows).map((row) => [
    row.policy,
    row.schedule,
    formatCount(row.runs),
    formatCount(total(row)),
    formatCount(row.notStarted),
    formatCount(row.startedLate),
    formatCount(row.failed),
    row.why
      .slice(0, 2)
      .map(({ reason, count: times }) => `${reason} (${formatCount(times)})`)
      .join(', '),
  ])
  const more =
    misses.length > mostRows ? [`  … and ${formatCounted(misses.length - mostRows, 'more schedule')}`] : []
  const worst = clients.slice(0, 10).map(({ client, missed: times }) => `${client} ${times}`)
  const table = columns(
    ['policy', 'schedule', 'runs', 'missed', 'not started', 'late', 'failed', 'why'],
    rows,
  )
  return [title, table, ...more, `  Clients with most: ${worst.join(', ')}`].join('\n')
}

function waits({ waiting }: Summary): string {
  if (waiting.length === 0) return 'Nothing was waited for longer than a moment.'
  const rows = waiting
    .slice(0, mostRows)
    .map((wait) => [wait.policy, describeWait(wait), formatCount(wait.jobs), formatHours(wait.totalMs)])
  return `What jobs waited for\n${columns(['policy', 'for', 'jobs', 'in all'], rows)}`
}

function drives({ drives: rows }: Summary): string {
  if (rows.length === 0) return ''
  const cells = rows.map(({ name, held, down, bytes, byHour }) => [
    name,
    formatShare(held),
    formatShare(down),
    formatSize(bytes),
    byHour.map((share) => level(share)).join(''),
  ])
  return `Drives (by hour of the day, 0 to 23 UTC)\n${columns(['drive', 'held', 'down', 'written', 'held by hour'], cells)}`
}

function queue({ queue: { most, meanInWindow } }: Summary): string {
  const highest = Math.max(1, ...meanInWindow)
  const line = meanInWindow.map((mean) => level(mean / highest)).join('')
  return `Queue: at most ${formatCounted(most, 'job')} waited at once; by hour of the day ${line}, on average at most ${highest.toFixed(1)}`
}

function volumes({ volumes: { all, empty, partlyFull, full, frozen, fewestEmpty } }: Summary): string {
  if (all === 0) return ''
  return `Volumes: ${formatCount(all)}; at the end ${formatCount(empty)} empty, ${formatCount(partlyFull)} partly full, ${formatCount(full)} full, ${formatCount(frozen)} frozen; never fewer than ${formatCount(fewestEmpty)} empty`
}

function oneMore({ summary: before, oneMore: after }: Plan): string {
  if (after === undefined) return 'There is no tape library, so one more drive would change nothing.'
  const rows = differences(before, after.summary).map(({ what, before: was, after: is }) => [what, was, is])
  return `With one more drive in ${after.library}\n${columns(['', 'as it is', 'with it'], rows)}`
}

/** What one more drive changes, row by row. */
export function differences(
  before: Summary,
  after: Summary,
): { what: string; before: string; after: string }[] {
  const row = (what: string, of: (summary: Summary) => string) => ({
    what,
    before: of(before),
    after: of(after),
  })
  const waited = ({ waiting }: Summary): number => waiting.reduce((sum, { totalMs }) => sum + totalMs, 0)
  const held = ({ drives: rows }: Summary): number =>
    rows.reduce((sum, drive) => sum + drive.held, 0) / rows.length
  return [
    row('missed windows', ({ missed: count }) => formatCount(count)),
    row('ran on after the window', ({ overran }) => formatCount(overran)),
    row('time waited', (summary) => formatHours(waited(summary))),
    row('longest queue', ({ queue: { most } }) => formatCount(most)),
    row('drives held', (summary) => formatShare(held(summary))),
  ]
}

/** One of nine heights for a share. */
function level(share: number): string {
  return levels[share <= 0 ? 0 : Math.min(8, Math.max(1, Math.ceil(share * 8)))] as string
}

function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const isNumber = (column: number): boolean => rows.every((row) => /^[\d(]/.test(row[column] ?? ''))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [head, ...rows].map((cells) => `  ${line(cells)}`).join('\n')
}
