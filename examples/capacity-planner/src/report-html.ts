import type { SimulationResults } from '@nb/simulation'
import { barChart, escapeHtml, hourGrid, legend, timeChart } from './charts.ts'
import type { Plan } from './plan.ts'
import { differences } from './report-text.ts'
import { type Summary, describeWait, total } from './summary.ts'
import { formatCount, formatCounted, formatHours, formatShare, formatSize } from './units.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** The plan as a page that needs nothing else: no network, no script. */
export function reportHtml(plan: Plan): string {
  const { site, days, seed } = plan
  const title = `${site.name}: capacity plan`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p>${formatCounted(days, 'day')} from ${new Date(plan.results.from).toISOString().slice(0, 10)}, seed ${seed}; ${formatCounted(site.clients.length, 'client')}. Times are UTC.</p>
${figures(plan.summary)}
${missesSection(plan)}
${drivesSection(plan)}
${queueSection(plan)}
${throughputSection(plan)}
${oneMoreSection(plan)}
</main>
</body>
</html>
`
}

function figures({ jobs, bytesWritten, missed, runs, overran, queue }: Summary): string {
  const figure = (value: string, what: string): string =>
    `<div><strong>${value}</strong><span>${what}</span></div>`
  return `<section class="figures" aria-label="Key figures">${[
    figure(formatCount(missed), `of ${formatCounted(runs, 'window')} missed`),
    figure(formatCount(overran), 'backups ran on after their window'),
    figure(formatCount(jobs), 'jobs'),
    figure(formatSize(bytesWritten), 'written'),
    figure(formatCount(queue.most), 'jobs waiting at the worst moment'),
  ].join('')}</section>`
}

function missesSection({ results, oneMore, summary }: Plan): string {
  const days = Math.ceil((results.until - results.from) / dayMs)
  const labels = Array.from({ length: days }, (_, day) =>
    new Date(results.from + day * dayMs).toISOString().slice(5, 10),
  )
  const series = [{ name: 'as it is', values: missesByNight(results, days) }]
  if (oneMore !== undefined)
    series.push({
      name: `one more drive in ${oneMore.library}`,
      values: missesByNight(oneMore.results, days),
    })
  const names = series.map(({ name }) => name)
  const rows = summary.misses.slice(0, 50).map((row) => [
    row.policy,
    row.schedule,
    formatCount(row.runs),
    formatCount(total(row)),
    formatCount(row.notStarted),
    formatCount(row.startedLate),
    formatCount(row.failed),
    row.why
      .slice(0, 3)
      .map(({ reason, count }) => `${reason} (${formatCount(count)})`)
      .join(', '),
  ])
  const chart = barChart(
    {
      id: 'misses',
      title: 'Missed windows by night',
      description: `${formatCount(summary.missed)} of ${formatCounted(summary.runs, 'window')} were missed in ${formatCounted(days, 'night')}.`,
    },
    labels,
    series,
    (value) => formatCount(Math.round(value)),
  )
  return section('Missed windows', [
    chart,
    legend(names),
    rows.length === 0
      ? '<p>Every backup that was due in a window started in it and went well.</p>'
      : table(
          ['policy', 'schedule', 'runs', 'missed', 'not started (196)', 'started late', 'failed', 'why'],
          rows,
        ),
    ...(summary.clients.length === 0 ? [] : [clientList(summary)]),
  ])
}

function clientList({ clients }: Summary): string {
  const rows = clients.slice(0, 20).map(({ client, missed }) => [client, formatCount(missed)])
  return `<details><summary>Clients with most missed windows</summary>${table(['client', 'missed'], rows)}</details>`
}

/** The night of a window is the day, from noon to noon, in which it closed. */
function missesByNight({ misses, from }: Pick<SimulationResults, 'misses' | 'from'>, days: number): number[] {
  const counts = new Array<number>(days).fill(0)
  for (const { closesAt } of misses) {
    const night = Math.min(days - 1, Math.max(0, Math.floor((closesAt - 1 - from) / dayMs)))
    counts[night] = (counts[night] as number) + 1
  }
  return counts
}

function drivesSection({ results, summary }: Plan): string {
  if (results.drives.length === 0) return ''
  const held = (results.drives[0]?.heldMs ?? []).map(
    (_, hour) => results.drives.reduce((sum, { heldMs }) => sum + (heldMs[hour] ?? 0), 0) / hourMs,
  )
  const count = results.drives.length
  return section('Drives', [
    timeChart(
      {
        id: 'drives',
        title: 'Drives held by jobs, by the hour',
        description: `How many of ${formatCounted(count, 'drive')} jobs held.`,
      },
      [{ name: 'drives held', values: held }],
      { from: results.from, stepMs: hourMs, label: (value) => value.toFixed(value < 5 ? 1 : 0) },
    ),
    '<h3>By hour of the day</h3>',
    hourGrid(
      {
        id: 'drive-hours',
        title: 'Drive use by hour of the day',
        description:
          'A row for each drive, a column for each hour; the stronger the colour, the more of it jobs held the drive.',
      },
      summary.drives.map(({ name, byHour }) => ({ name, values: byHour })),
    ),
    table(
      ['drive', 'held', 'down', 'written'],
      summary.drives.map(({ name, held: share, down, bytes }) => [
        name,
        formatShare(share),
        formatShare(down),
        formatSize(bytes),
      ]),
    ),
  ])
}

function queueSection({ results, summary }: Plan): string {
  const rows = summary.waiting
    .slice(0, 30)
    .map((wait) => [wait.policy, describeWait(wait), formatCount(wait.jobs), formatHours(wait.totalMs)])
  return section('Queue', [
    timeChart(
      {
        id: 'queue',
        title: 'Jobs waiting, by the hour',
        description: `At most ${formatCounted(summary.queue.most, 'job')} waited at once.`,
      },
      [
        { name: 'on average', values: results.queue.mean },
        { name: 'at most', values: results.queue.most },
      ],
      { from: results.from, stepMs: hourMs, label: (value) => formatCount(Math.round(value)) },
    ),
    legend(['on average', 'at most']),
    rows.length === 0
      ? '<p>No job waited longer than a moment.</p>'
      : table(['policy', 'waited for', 'jobs', 'in all'], rows),
  ])
}

function throughputSection({ results }: Plan): string {
  const places = [...results.mediaServers].slice(0, 6)
  const perSecond = (bytes: readonly number[]): number[] => bytes.map((each) => each / 3600)
  return section('Media servers', [
    timeChart(
      {
        id: 'throughput',
        title: 'Throughput of the media servers, by the hour',
        description: places
          .map(({ name, bytes }) => `${name}: ${formatSize(bytes.reduce((sum, each) => sum + each, 0))}`)
          .join('; '),
      },
      places.map(({ name, bytes }) => ({ name, values: perSecond(bytes) })),
      { from: results.from, stepMs: hourMs, label: (value) => `${formatSize(value)}/s` },
    ),
    legend(places.map(({ name }) => name)),
    results.mediaServers.length > places.length
      ? `<p>The first ${places.length} of ${results.mediaServers.length} media servers.</p>`
      : '',
  ])
}

function oneMoreSection({ summary, oneMore }: Plan): string {
  if (oneMore === undefined)
    return section('One more drive', [
      '<p>There is no tape library, so one more drive would change nothing.</p>',
    ])
  const rows = differences(summary, oneMore.summary).map(({ what, before, after }) => [what, before, after])
  return section(`One more drive in ${escapeHtml(oneMore.library)}`, [
    table(['', 'as it is', 'with it'], rows),
  ])
}

function section(title: string, content: readonly string[]): string {
  return `<section>\n<h2>${title}</h2>\n${content.filter((each) => each !== '').join('\n')}\n</section>`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]): string =>
    row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')
  const body = rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('')
  return `<div class="scroll"><table><thead><tr>${cells('th', head)}</tr></thead><tbody>${body}</tbody></table></div>`
}

const style = `
:root { color-scheme: light dark; --back: #fff; --ink: #1b1f24; --soft: #57606a; --grid: #d8dee4; --card: #f6f8fa;
  --s0: #0b6bcb; --s1: #c4520a; --s2: #11803e; --s3: #8a3ab9; --s4: #a8860b; --s5: #b3245f; }
@media (prefers-color-scheme: dark) { :root { --back: #0f1318; --ink: #e6edf3; --soft: #9aa4af; --grid: #2b333c; --card: #171d24;
  --s0: #58a6ff; --s1: #ff9b5c; --s2: #56d364; --s3: #d2a8ff; --s4: #e3c341; --s5: #ff7eb0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { color: var(--soft); margin: .25rem 0 1rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .75rem; }
.figures div { background: var(--card); border-radius: .5rem; padding: .75rem 1rem; }
.figures strong { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; } .figures span { color: var(--soft); font-size: .875rem; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.grid { stroke: var(--grid); stroke-width: 1; } .line { fill: none; stroke-width: 1.25; } .area { fill: var(--s0); fill-opacity: .18; }
.cell { fill: var(--s0); stroke: var(--grid); stroke-width: .5; }
${[0, 1, 2, 3, 4, 5].map((index) => `.line.s${index} { stroke: var(--s${index}); } .bar.s${index} { fill: var(--s${index}); } .key.s${index} { background: var(--s${index}); }`).join('\n')}
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; margin: .25rem 0 1rem; color: var(--soft); font-size: .875rem; }
.key { display: inline-block; width: .75rem; height: .75rem; border-radius: .125rem; margin-right: .375rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .875rem; margin: .5rem 0 1rem; }
th, td { text-align: left; padding: .375rem .75rem .375rem 0; border-bottom: 1px solid var(--grid); vertical-align: top; } th { color: var(--soft); font-weight: 600; }
td { font-variant-numeric: tabular-nums; } summary { cursor: pointer; color: var(--soft); }
@media print { section { break-inside: avoid; } }
`
