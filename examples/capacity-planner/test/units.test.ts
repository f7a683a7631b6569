import t from 'tap'
import {
  formatSize,
  parseDuration,
  parsePercent,
  parseRate,
  parseSize,
  parseTime,
  parseWindow,
} from '../src/units.ts'

const told = { message: /^(must be|has) / }

t.test('sizes, speeds, lengths of time and shares read as people write them', (t) => {
  t.equal(parseSize('12 TiB'), 12 * 2 ** 40)
  t.equal(parseSize('300GB'), 300e9)
  t.equal(parseSize('1.5 kB'), 1500)
  t.equal(parseSize('512 B'), 512)
  t.equal(parseRate('300 MB/s'), 300e6)
  t.equal(parseDuration('90 s'), 90_000)
  t.equal(parseDuration('15 min'), 900_000)
  t.equal(parseDuration('7 days'), 604_800_000)
  t.equal(parseDuration('1 week'), 604_800_000)
  t.equal(parseDuration('2 hours'), 7_200_000)
  t.equal(parsePercent('3 %'), 0.03)
  t.equal(parsePercent('3 %/day', '/day'), 0.03)
  t.equal(parseTime('2026-01-09 21:00'), Date.UTC(2026, 0, 9, 21))
  t.equal(formatSize(1_500_000_000_000), '1.5 TB')
  for (const wrong of ['', '12', 'GB', '-1 GB', '1 XB', '1 GB/s'])
    t.throws(() => parseSize(wrong), told, wrong)
  for (const wrong of ['300 MB', '0 B/s', '1 MB/h']) t.throws(() => parseRate(wrong), told, wrong)
  for (const wrong of ['3', '3 fortnights', 'soon']) t.throws(() => parseDuration(wrong), told, wrong)
  for (const wrong of ['101 %', '3', '3 %/day']) t.throws(() => parsePercent(wrong), told, wrong)
  t.throws(() => parseTime('tomorrow'), told)
  t.end()
})

t.test('windows open on their days and cross midnight', (t) => {
  const window = (weekday: number, from: number, hours: number) => ({
    weekday,
    startSeconds: from * 3600,
    durationSeconds: hours * 3600,
  })
  t.same(
    parseWindow('20:00-06:00'),
    [0, 1, 2, 3, 4, 5, 6].map((day) => window(day, 20, 10)),
  )
  t.same(parseWindow('mon-wed 01:00-05:00'), [window(1, 1, 4), window(2, 1, 4), window(3, 1, 4)])
  t.same(parseWindow('sat,sun 00:00-24:00'), [window(0, 0, 24), window(6, 0, 24)])
  t.same(
    parseWindow('fri-mon 22:00-22:00'),
    [0, 1, 5, 6].map((day) => window(day, 22, 24)),
  )
  for (const wrong of ['', '20-06', '25:00-06:00', '20:61-06:00', 'someday 20:00-06:00'])
    t.throws(() => parseWindow(wrong), told, wrong)
  t.end()
})
