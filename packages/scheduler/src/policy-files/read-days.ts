import type { DayRule } from '@nb/contracts'
import { type FieldReader, type Fields, between, present } from './field-reader.ts'
import { calendarWeekdayForm, parseCalendarWeekday } from './weekday-text.ts'

/** The keys of a rule of days. */
export const dayKeys: readonly string[] = ['dates', 'weekdays', 'days-of-month']

/** The days of a calendar, or those that it leaves out. */
export function readDays(fields: FieldReader, keys: Fields, path: string): DayRule {
  const reader = fields.document
  const rule = {
    dates: fields.may(keys, 'dates', `${path}.dates`, (place) => fields.texts(place, `${path}.dates`)),
    weekdays: fields.may(keys, 'weekdays', `${path}.weekdays`, (place) =>
      fields
        .each(place, `${path}.weekdays`, (each) =>
          reader.parsed(each, calendarWeekdayForm, parseCalendarWeekday),
        )
        ?.flat(),
    ),
    daysOfMonth: fields.may(keys, 'days-of-month', `${path}.daysOfMonth`, (place) =>
      fields.each(place, `${path}.daysOfMonth`, (each) =>
        reader.parsed(each, 'a day of the month, 1–31, or "last"', parseDayOfMonth),
      ),
    ),
  }
  return present<DayRule>(rule)
}

function parseDayOfMonth(text: string): number | 'last' | undefined {
  if (text === 'last') return 'last'
  return /^\d\d?$/.test(text) ? between(Number(text), 1, 31) : undefined
}
