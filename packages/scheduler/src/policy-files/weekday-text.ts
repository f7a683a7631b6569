import type { DayRule } from '@nb/contracts'

type WeekdayOfMonth = NonNullable<DayRule['weekdays']>[number]

const names = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
const fullNames = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const ordinals = ['1st', '2nd', '3rd', '4th', '5th']
const ordinalWords = ['first', 'second', 'third', 'fourth', 'fifth']

/** What days of the week may look like. */
export const weekdaysForm = 'weekdays such as "mon", "mon-fri", "sat, sun" or "daily"'
/** What a weekday of a calendar may look like. */
export const calendarWeekdayForm = '"fri", "mon-fri", "1st mon" (to "5th") or "last fri"'

/** The weekdays of `mon-fri`, `sat, sun` or `daily`, in that order, or `undefined`. */
export function parseWeekdays(text: string): readonly number[] | undefined {
  const days: number[] = []
  for (const part of text
    .trim()
    .toLowerCase()
    .split(/\s*,\s*/)) {
    const found = part === 'daily' ? [0, 1, 2, 3, 4, 5, 6] : parseRange(part)
    if (found === undefined) return undefined
    days.push(...found)
  }
  return days
}

function parseRange(text: string): readonly number[] | undefined {
  const [first, last, ...rest] = text.split(/\s*(?:-|–)\s*/).map(weekdayOf)
  if (first === undefined || rest.length > 0) return undefined
  if (!/[-–]/.test(text)) return [first]
  if (last === undefined) return undefined
  const days = [first]
  for (let day = first; day !== last;) days.push((day = (day + 1) % 7))
  return days
}

function weekdayOf(name: string): number | undefined {
  const index = Math.max((names as readonly string[]).indexOf(name), fullNames.indexOf(name))
  return index < 0 ? undefined : index
}

/** Weekdays that follow one another, at most seven: `mon`, `mon-fri`, `daily`. */
export function printWeekdays(days: readonly number[]): string {
  const name = (day: number | undefined): string => names[day ?? 0] ?? 'sun'
  if (days.length === 1) return name(days[0])
  return days.length === 7 && days[0] === 0 ? 'daily' : `${name(days[0])}-${name(days.at(-1))}`
}

/** The entries of `last fri`, `1st mon` or `mon-fri`, or `undefined`. */
export function parseCalendarWeekday(text: string): readonly WeekdayOfMonth[] | undefined {
  const words = text.trim().toLowerCase()
  const [, which, day = ''] = /^(\S+)\s+(\S+)$/.exec(words) ?? []
  if (which === undefined || which === 'every') {
    return parseWeekdays(which === undefined ? words : day)?.map((weekday) => ({ weekday }))
  }
  const weekday = weekdayOf(day)
  const week = Math.max(ordinals.indexOf(which), ordinalWords.indexOf(which)) + 1
  if (weekday === undefined) return undefined
  if (which === 'last') return [{ weekday, week: 'last' }]
  return week === 0 ? undefined : [{ weekday, week }]
}

/** `fri`, `1st mon`, `last fri`. */
export function printCalendarWeekday({ weekday, week }: WeekdayOfMonth): string {
  const name = names[weekday] ?? 'sun'
  if (week === undefined) return name
  return week === 'last' ? `last ${name}` : `${ordinals[week - 1]} ${name}`
}
