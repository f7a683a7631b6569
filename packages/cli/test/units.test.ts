import fc from 'fast-check'
import t from 'tap'
import {
  type Column,
  formatBytes,
  formatDuration,
  formatPeriod,
  formatTable,
  parsePath,
  parsePeriod,
  parseTime,
  treeOf,
  UsageError,
  windowsText,
} from '../src/index.ts'
import { displayPath, type Job, pathFromBytes } from '@nb/contracts'
import { printable } from '../src/table.ts'
import { formatCounted, withLocalTimes } from '../src/units.ts'

t.test('bytes keep a few digits and their unit', async (t) => {
  t.equal(formatBytes(0), '0 B')
  t.equal(formatBytes(999), '999 B')
  t.equal(formatBytes(1000), '1.0 KiB')
  t.equal(formatBytes(1536), '1.5 KiB')
  t.equal(formatBytes(20 * 2 ** 30), '20.0 GiB')
  t.equal(formatBytes(Number.MAX_SAFE_INTEGER), '8.0 PiB')
})

t.test('counts have separators, and one is singular', async (t) => {
  t.equal(formatCounted(1, 'entry', 'entries'), '1 entry')
  t.equal(formatCounted(0, 'file'), '0 files')
  t.equal(formatCounted(1234, 'entry', 'entries'), '1,234 entries')
})

t.test('a time in UTC becomes local, other text stays', async (t) => {
  const moment = new Date(2026, 2, 1, 22, 15, 9, 16).toISOString()
  t.equal(
    withLocalTimes(`since ${moment}, and ${moment}`),
    'since 2026-03-01 22:15:09, and 2026-03-01 22:15:09',
  )
  t.equal(withLocalTimes('since 2026-03-01'), 'since 2026-03-01')
})

t.test('durations grow to the left', async (t) => {
  t.equal(formatDuration(-5), '0:00')
  t.equal(formatDuration(7_900), '0:07')
  t.equal(formatDuration(754_000), '12:34')
  t.equal(formatDuration(12_345_000), '3:25:45')
  t.equal(formatDuration(185_145_000), '2d 03:25:45')
})

t.test('times are local, a day alone is its end, nonsense is refused', async (t) => {
  t.equal(parseTime('2026-03-01'), new Date(2026, 2, 1, 23, 59, 59, 999).getTime())
  t.equal(parseTime('2026-03-01 22:15:09'), new Date(2026, 2, 1, 22, 15, 9, 999).getTime())
  t.equal(parseTime('2026-03-01T21:15:09Z'), Date.UTC(2026, 2, 1, 21, 15, 9))
  for (const wrong of ['2026-02-30', '2026-13-01', '2026-03-01 25:00', '2026-03-01 10:61', 'soon', ''])
    t.throws(() => parseTime(wrong), UsageError, wrong)
})

t.test(
  'a table too wide loses what is spare, then is cut; nothing is lost where there is room',
  async (t) => {
    const columns: Column<string>[] = [
      { title: 'NAME', value: (name) => name, shrinks: true },
      { title: 'SECOND', value: () => 'aaaaaaaa', spare: 2 },
      { title: 'FIRST', value: () => 'bbbbbbbb', spare: 1 },
      { title: 'STATE', value: () => 'active' },
    ]
    const at = (width: number) => formatTable(['a-name-of-twenty-one'], columns, width)[1]
    t.equal(at(Infinity), 'a-name-of-twenty-one  aaaaaaaa  bbbbbbbb  active')
    t.equal(at(42), 'a-name-of-twe…  aaaaaaaa  bbbbbbbb  active')
    t.equal(at(38), 'a-name-of-twenty-one  aaaaaaaa  active')
    t.equal(at(28), 'a-name-of-twenty-one  active')
    t.equal(at(16), 'a-name-…  active')
    t.equal(at(10), 'a-nam…  a…')
  },
)

t.test('a name that is shown can be typed again', async () => {
  // Often enough what looks like an escape.
  const piece = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
    fc.constantFrom('\\', '\\x', '\\\\', '\\xff', '\u0085', '\u2028').map((text) => Buffer.from(text)),
  )
  const name = fc
    .array(piece, { minLength: 1, maxLength: 8 })
    .map((pieces) => Buffer.concat(pieces))
    .filter((bytes) => !bytes.includes(0) && !bytes.includes(0x2f))
    .filter((bytes) => !/^\.{1,2}$/.test(bytes.toString('latin1')))
  fc.assert(
    fc.property(name, (bytes) => {
      const path = pathFromBytes(Buffer.concat([Buffer.from('/d/'), bytes]))
      // As `nb list` prints it: what neutralises whole lines leaves a shown path as it is.
      return parsePath(printable(displayPath(path)), '/') === path
    }),
  )
})

t.test('a table is never wider than its terminal, unless that is absurd', async () => {
  const columns: readonly Column<readonly string[]>[] = [
    { title: 'A', value: ([a]) => a, shrinks: true },
    { title: 'B', value: (row) => row[1], shrinks: true },
    { title: 'COUNT', value: (row) => row.length, align: 'right' },
  ]
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string()), { minLength: 1 }),
      fc.integer({ min: 25, max: 200 }),
      (rows, width) =>
        formatTable(rows, columns, width).every(
          (line) => [...line].length <= width && !/[\u0000-\u001f]/.test(line),
        ),
    ),
  )
})

t.test('periods are typed with a unit, and shown as they are typed', async (t) => {
  t.equal(parsePeriod('90s'), 90_000)
  t.equal(parsePeriod('15min'), 900_000)
  t.equal(parsePeriod('30d'), 30 * 86_400_000)
  t.equal(parsePeriod('1y'), 365 * 86_400_000)
  t.equal(parsePeriod('1 month'), 31 * 86_400_000, 'as policy files have them')
  t.equal(parsePeriod('1h 30 min'), 90 * 60_000)
  for (const wrong of ['', '30', 'd', '-1d', '1.5h', '1 moon', '99999999999y'])
    t.throws(() => parsePeriod(wrong), UsageError, wrong)
  fc.assert(
    fc.property(
      fc.nat({ max: 10_000_000 }),
      (seconds) => parsePeriod(formatPeriod(seconds * 1000)) === seconds * 1000,
    ),
  )
})

t.test('windows of the same time are told together', async (t) => {
  const at = (weekday: number, startSeconds: number, durationSeconds: number) => ({
    weekday,
    startSeconds,
    durationSeconds,
  })
  t.equal(windowsText([]), 'never')
  t.equal(windowsText([0, 1, 2, 3, 4, 5, 6].map((day) => at(day, 0, 86_400))), 'daily 00:00 for 1d')
  t.equal(windowsText([at(6, 82_800, 1800), at(0, 82_800, 1800)]), 'Sun Sat 23:00 for 30min')
  t.equal(
    windowsText([at(1, 3600, 60), at(2, 3600, 60), at(3, 3600, 60), at(5, 7265, 7200)]),
    'Mon-Wed 01:00 for 1min, Fri 02:01:05 for 2h',
  )
  t.equal(windowsText([at(3, 0, 604_800)]), 'always')
})

t.test('every job of a list is in its tree once, parts right below their parent', async () => {
  const job = fc.record({ id: fc.nat(20), parentId: fc.option(fc.nat(20), { nil: undefined }) })
  fc.assert(
    fc.property(fc.uniqueArray(job, { selector: ({ id }) => id }), (jobs) => {
      // Parts have no parts of their own.
      const parents = new Set(jobs.filter(({ parentId }) => parentId === undefined).map(({ id }) => id))
      const list = jobs.filter(
        ({ parentId }) => parentId === undefined || parents.has(parentId) || parentId > 20,
      )
      const rows = treeOf(
        list.map(({ id, parentId }) => {
          return { id: String(id), ...(parentId === undefined ? {} : { parentId: String(parentId) }) } as Job
        }),
      )
      const whole =
        rows.length === list.length && new Set(rows.map(({ job: { id } }) => id)).size === list.length
      let parent: string | undefined
      return (
        whole &&
        rows.every(({ job: { id, parentId }, branch }) => {
          if (branch === '') parent = id
          return branch === '' ? parentId === undefined : parentId === parent
        })
      )
    }),
  )
})
