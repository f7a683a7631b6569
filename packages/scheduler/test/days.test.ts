import t from 'tap'
import { dateOf, dayNumber, isMeant, weekdayOf } from '../src/days.ts'

const day = (date: string): number => dayNumber(date) ?? NaN
const meant = (rule: Parameters<typeof isMeant>[0], month: string, days = 31): string[] => {
  const first = day(`${month}-01`)
  return Array.from({ length: days }, (_, n) => first + n)
    .filter((each) => dateOf(each).startsWith(month) && isMeant(rule, each))
    .map((each) => dateOf(each).slice(-2))
}

t.test('dates are numbered by the calendar alone', async (t) => {
  t.equal(dayNumber('1970-01-01'), 0)
  t.equal(dateOf(day('2028-02-29')), '2028-02-29')
  t.strictSame(['2026-02-29', '2026-13-01', '26-01-01', 'soon'].map(dayNumber), Array(4).fill(undefined))
  t.equal(weekdayOf(day('2026-01-01')), 4, 'a Thursday')
  t.equal(weekdayOf(day('1969-12-31')), 3)
})

t.test('weekdays of a month: each, one of five, the last', async (t) => {
  t.strictSame(meant({ weekdays: [{ weekday: 5 }] }, '2026-01'), ['02', '09', '16', '23', '30'])
  t.strictSame(meant({ weekdays: [{ weekday: 5, week: 1 }] }, '2026-01'), ['02'])
  t.strictSame(meant({ weekdays: [{ weekday: 5, week: 5 }] }, '2026-01'), ['30'])
  t.strictSame(meant({ weekdays: [{ weekday: 5, week: 5 }] }, '2026-02'), [], 'a month without a fifth')
  t.strictSame(meant({ weekdays: [{ weekday: 5, week: 'last' }] }, '2026-02'), ['27'])
})

t.test(
  'days of the month: a month without the day is passed over, the last one is always there',
  async (t) => {
    t.strictSame(meant({ daysOfMonth: [1, 31] }, '2026-01'), ['01', '31'])
    t.strictSame(meant({ daysOfMonth: [31] }, '2026-02'), [])
    t.strictSame(meant({ daysOfMonth: ['last'] }, '2026-02'), ['28'])
    t.strictSame(meant({ daysOfMonth: ['last'] }, '2028-02'), ['29'])
  },
)

t.test('any list that has the day means it', async (t) => {
  const rule = { dates: ['2026-01-07'], weekdays: [{ weekday: 1, week: 1 }], daysOfMonth: [20] }
  t.strictSame(meant(rule, '2026-01'), ['05', '07', '20'])
  t.strictSame(meant({}, '2026-01'), [])
})
