/** What every chart tells of itself, also to those who can't see it. */
export interface ChartText {
  /** Unique on the page. */
  readonly id: string
  readonly title: string
  readonly description: string
}

const width = 960
const left = 64
const right = 12
const top = 12
const bottom = 28

/** Text as it may stand in a page. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`)
}

/** Lines over time, the first of them with its area filled. */
export function timeChart(
  text: ChartText,
  series: readonly { readonly name: string; readonly values: readonly number[] }[],
  options: {
    readonly from: number
    readonly stepMs: number
    readonly label: (value: number) => string
    readonly height?: number
  },
): string {
  const height = options.height ?? 200
  const length = Math.max(1, ...series.map(({ values }) => values.length))
  const highest = niceTop(Math.max(0, ...series.flatMap(({ values }) => [...values])))
  const x = (index: number): number => left + ((width - left - right) * index) / length
  const y = (value: number): number => top + (height - top - bottom) * (1 - value / highest)
  const paths = series.map(({ name, values }, index) => {
    // A step per hour: level over the hour, then up or down.
    const line = values.map(
      (value, at) => `${at === 0 ? 'M' : 'L'}${round(x(at))} ${round(y(value))}H${round(x(at + 1))}`,
    )
    const area = `${line.join('')}V${round(y(0))}H${left}Z`
    const title = `<title>${escapeHtml(name)}</title>`
    const filled = index === 0 ? `<path class="area" d="${area}"/>` : ''
    return `${filled}<path class="line s${index}" d="${line.join('')}">${title}</path>`
  })
  const days = Math.round((length * options.stepMs) / 86_400_000)
  const every = Math.max(1, Math.ceil(days / 15))
  const ticks: string[] = []
  for (let day = 0; day < days; day += every) {
    const at = new Date(options.from + day * 86_400_000)
    const place = round(x((day * 86_400_000) / options.stepMs))
    ticks.push(
      `<line class="grid" x1="${place}" x2="${place}" y1="${top}" y2="${height - bottom}"/>`,
      `<text x="${place}" y="${height - 8}" text-anchor="middle">${at.toISOString().slice(5, 10)}</text>`,
    )
  }
  return svg(text, height, [...ticks, ...levels(highest, y, options.label), ...paths])
}

/** Bars side by side, one group per label. */
export function barChart(
  text: ChartText,
  labels: readonly string[],
  series: readonly { readonly name: string; readonly values: readonly number[] }[],
  label: (value: number) => string,
): string {
  const height = 200
  const highest = niceTop(Math.max(0, ...series.flatMap(({ values }) => [...values])))
  const y = (value: number): number => top + (height - top - bottom) * (1 - value / highest)
  const group = (width - left - right) / Math.max(1, labels.length)
  const bar = (group * 0.8) / Math.max(1, series.length)
  const every = Math.max(1, Math.ceil(labels.length / 16))
  const marks: string[] = []
  for (const [at, name] of labels.entries()) {
    const start = left + group * (at + 0.1)
    if (at % every === 0)
      marks.push(
        `<text x="${round(start + group * 0.4)}" y="${height - 8}" text-anchor="middle">${escapeHtml(name)}</text>`,
      )
    for (const [index, { name: kind, values }] of series.entries()) {
      const value = values[at] ?? 0
      if (value === 0) continue
      marks.push(
        `<rect class="bar s${index}" x="${round(start + bar * index)}" y="${round(y(value))}" width="${round(bar)}" height="${round(y(0) - y(value))}"><title>${escapeHtml(`${name}, ${kind}: ${label(value)}`)}</title></rect>`,
      )
    }
  }
  return svg(text, height, [...levels(highest, y, label), ...marks])
}

/** A row per thing and a column per hour of the day; the darker the more. */
export function hourGrid(
  text: ChartText,
  rows: readonly { readonly name: string; readonly values: readonly number[] }[],
): string {
  const longest = Math.max(4, ...rows.map(({ name }) => name.length))
  const start = Math.min(260, longest * 7 + 12)
  const cell = (width - start - right) / 24
  const rowHeight = 18
  const height = rows.length * rowHeight + 24
  const marks: string[] = []
  for (const [row, { name, values }] of rows.entries()) {
    marks.push(`<text x="0" y="${row * rowHeight + 13}">${escapeHtml(name)}</text>`)
    for (const [hour, value] of values.entries()) {
      const told = `${name}, ${hour}:00 to ${hour + 1}:00: ${(100 * value).toFixed(0)} %`
      marks.push(
        `<rect class="cell" fill-opacity="${round(Math.min(1, Math.max(0, value)))}" x="${round(start + hour * cell)}" y="${row * rowHeight + 1}" width="${round(cell - 1)}" height="${rowHeight - 2}"><title>${escapeHtml(told)}</title></rect>`,
      )
    }
  }
  for (let hour = 0; hour < 24; hour += 2)
    marks.push(
      `<text x="${round(start + (hour + 0.5) * cell)}" y="${height - 6}" text-anchor="middle">${hour}</text>`,
    )
  return svg(text, height, marks)
}

/** A legend for series in the order of their colours. */
export function legend(names: readonly string[]): string {
  const entries = names.map(
    (name, index) => `<li><span class="key s${index}"></span>${escapeHtml(name)}</li>`,
  )
  return `<ul class="legend">${entries.join('')}</ul>`
}

function svg({ id, title, description }: ChartText, height: number, content: readonly string[]): string {
  return [
    `<svg role="img" viewBox="0 0 ${width} ${height}" aria-labelledby="${id}-title ${id}-desc">`,
    `<title id="${id}-title">${escapeHtml(title)}</title>`,
    `<desc id="${id}-desc">${escapeHtml(description)}</desc>`,
    ...content,
    '</svg>',
  ].join('')
}

function levels(highest: number, y: (value: number) => number, label: (value: number) => string): string[] {
  return [0, 0.5, 1].flatMap((part) => {
    const at = round(y(highest * part))
    return [
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/>`,
      `<text x="${left - 6}" y="${at + 4}" text-anchor="end">${escapeHtml(label(highest * part))}</text>`,
    ]
  })
}

/** A number at or above whose half is round too. */
function niceTop(value: number): number {
  if (value <= 2) return value <= 0 ? 1 : 2
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 4, 6, 8, 10].find((step) => step * power >= value) ?? 10) * power
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
