import {
  type DayRule,
  NbError,
  type Path,
  type Policy,
  type Schedule,
  type ScheduleCopy,
  type StartWindow,
  displayPath,
} from '@nb/contracts'
import { dayMs, dayNumber } from './days.ts'
import { startsByItself } from './due.ts'
import { groupsOf, isPath } from './streams.ts'

const scheduleTypes = ['full', 'differential', 'cumulative', 'user-backup', 'user-archive']
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$/

/** How many of each a policy may have: far more than anybody means, and no more than is looked through at each start. */
const most = { schedules: 1000, windows: 1000, days: 10_000, others: 10_000 } as const
/** The longest pattern, characters: as long as a path that Linux takes. */
const mostPattern = 4096

/**
 * Refuses a policy that can't be meant.
 * @throws NbError `argument-invalid`, naming the field and what is allowed
 */
export function checkPolicy(policy: Policy): void {
  checkName('name', policy.name)
  if (policy.clients.length === 0) refuse('clients', 'needs at least one client')
  checkCount('clients', policy.clients)
  policy.clients.forEach((client, index) => checkName(`clients[${index}]`, client))
  checkUnique('clients', policy.clients)
  checkSelections(policy)
  checkPatterns('exclude', policy.exclude)
  checkPatterns('include', policy.include)
  if (policy.checkpointIntervalMs !== undefined && policy.checkpointIntervalMs !== 0) {
    checkRange('checkpointIntervalMs', policy.checkpointIntervalMs, 60_000, 7 * dayMs)
  }
  checkChoice('compression', policy.compression, ['zstd', 'gzip'])
  checkChoice('digest', policy.digest, ['sha256'])
  checkRange('priority', policy.priority ?? 0, 0, 99_999)
  if (policy.maxJobs !== undefined) checkRange('maxJobs', policy.maxJobs, 1, 999)
  checkStorage('storage', policy)
  if (policy.volumePool !== undefined) checkName('volumePool', policy.volumePool)
  checkCount('schedules', policy.schedules, most.schedules)
  checkUnique(
    'schedules',
    policy.schedules.map((schedule) => schedule.name),
  )
  policy.schedules.forEach((schedule, index) => checkSchedule(`schedules[${index}]`, schedule))
}

function checkChoice(field: string, value: string | undefined, choices: readonly string[]): void {
  if (value === undefined || choices.includes(value)) return
  refuse(field, `must be ${choices.join(' or ')}, or absent, not "${value}"`)
}

function checkSelections({ selections, multipleStreams }: Policy): void {
  if (selections.length === 0) refuse('selections', 'needs at least one path')
  checkCount('selections', selections)
  selections.forEach((each, index) => {
    const field = `selections[${index}]`
    if (each === 'NEW_STREAM' && multipleStreams !== true) {
      refuse(field, 'is NEW_STREAM, which needs multiple streams to be allowed')
    }
    if (!isPath(each) && each !== 'NEW_STREAM' && each !== 'ALL_LOCAL_DRIVES') {
      refuse(field, `must be an absolute path, NEW_STREAM or ALL_LOCAL_DRIVES, not "${each as string}"`)
    }
  })
  if (multipleStreams !== true) {
    if (selections.includes('ALL_LOCAL_DRIVES') && selections.length > 1) {
      refuse('selections', 'has ALL_LOCAL_DRIVES, beside which there is nothing more to select')
    }
    return
  }
  const groups = groupsOf(selections)
  for (const group of groups) {
    if (group.length === 0) refuse('selections', 'has a NEW_STREAM without a path that follows')
    if (group.length > 1 && group.includes('ALL_LOCAL_DRIVES')) {
      refuse('selections', 'has ALL_LOCAL_DRIVES among paths; it must be a stream by itself')
    }
  }
  checkUnique(
    'selections',
    groups.map(([first]) => displayPath(first as Path)),
    'begins two streams with',
  )
}

function checkPatterns(field: string, patterns: readonly string[] = []): void {
  checkCount(field, patterns)
  patterns.forEach((pattern, index) => {
    if (pattern === '') refuse(`${field}[${index}]`, 'must be a pattern of paths, not empty')
    if (pattern.length > mostPattern)
      refuse(`${field}[${index}]`, `must be at most ${mostPattern} characters, not ${pattern.length}`)
  })
}

function checkStorage(field: string, { storage }: Pick<Policy, 'storage'>): void {
  if (storage.kind !== 'any') checkName(`${field}.name`, storage.name)
}

function checkSchedule(field: string, schedule: Schedule): void {
  checkName(`${field}.name`, schedule.name)
  if (!scheduleTypes.includes(schedule.type))
    refuse(`${field}.type`, `must be one of ${scheduleTypes.join(', ')}`)
  const { frequencyMs, calendar, exclude, storage, volumePool } = schedule
  if (startsByItself(schedule)) {
    if (frequencyMs === undefined && calendar === undefined)
      refuse(
        `${field}.frequencyMs`,
        'is missing: a schedule that starts by itself has a frequency or a calendar',
      )
    if (frequencyMs !== undefined && calendar !== undefined)
      refuse(`${field}.calendar`, 'must not stand beside a frequency: a schedule has one or the other')
  }
  if (frequencyMs !== undefined) checkRange(`${field}.frequencyMs`, frequencyMs, 60_000, 366 * dayMs)
  if (calendar !== undefined) {
    checkDays(`${field}.calendar`, calendar)
    const { dates = [], weekdays = [], daysOfMonth = [] } = calendar
    if (dates.length + weekdays.length + daysOfMonth.length === 0) refuse(`${field}.calendar`, 'names no day')
  }
  if (exclude !== undefined) checkDays(`${field}.exclude`, exclude)
  checkRange(`${field}.retentionLevel`, schedule.retentionLevel, 0, 100)
  if (schedule.multiplexing !== undefined) checkRange(`${field}.multiplexing`, schedule.multiplexing, 1, 32)
  if (storage !== undefined) checkStorage(`${field}.storage`, { storage })
  if (volumePool !== undefined) checkName(`${field}.volumePool`, volumePool)
  if (schedule.copies !== undefined) checkCopies(`${field}.copies`, schedule.copies)
  checkCount(`${field}.windows`, schedule.windows, most.windows)
  schedule.windows.forEach((window, index) => checkWindow(`${field}.windows[${index}]`, window))
}

function checkCopies(field: string, copies: readonly ScheduleCopy[]): void {
  if (copies.length < 2 || copies.length > 4)
    refuse(field, `must be 2 to 4 copies, not ${copies.length}; leave it out for one`)
  copies.forEach(({ storage, volumePool, retentionLevel, onFailure }, index) => {
    const copy = `${field}[${index}]`
    if (storage !== undefined) checkStorage(`${copy}.storage`, { storage })
    if (volumePool !== undefined) checkName(`${copy}.volumePool`, volumePool)
    if (retentionLevel !== undefined) checkRange(`${copy}.retentionLevel`, retentionLevel, 0, 100)
    checkChoice(`${copy}.onFailure`, onFailure, ['continue', 'failAllCopies'])
  })
  const units = copies.flatMap(({ storage }) => (storage?.kind === 'unit' ? [storage.name] : []))
  const twice = units.find((unit, index) => units.indexOf(unit) !== index)
  if (twice !== undefined)
    refuse(field, `name storage unit ${twice} twice; each copy needs a place of its own`)
}

function checkDays(field: string, { dates = [], weekdays = [], daysOfMonth = [] }: DayRule): void {
  checkCount(`${field}.dates`, dates, most.days)
  checkCount(`${field}.weekdays`, weekdays, most.days)
  checkCount(`${field}.daysOfMonth`, daysOfMonth, most.days)
  dates.forEach((date, index) => {
    if (dayNumber(date) === undefined)
      refuse(`${field}.dates[${index}]`, `must be a date YYYY-MM-DD, not "${date}"`)
  })
  weekdays.forEach(({ weekday, week }, index) => {
    checkRange(`${field}.weekdays[${index}].weekday`, weekday, 0, 6)
    if (week !== undefined && week !== 'last') checkRange(`${field}.weekdays[${index}].week`, week, 1, 5)
  })
  daysOfMonth.forEach((day, index) => {
    if (day !== 'last') checkRange(`${field}.daysOfMonth[${index}]`, day, 1, 31)
  })
}

function checkWindow(field: string, window: StartWindow): void {
  checkRange(`${field}.weekday`, window.weekday, 0, 6)
  checkRange(`${field}.startSeconds`, window.startSeconds, 0, 86_399)
  checkRange(`${field}.durationSeconds`, window.durationSeconds, 1, 7 * 86_400)
}

function checkName(field: string, name: string): void {
  if (!namePattern.test(name)) {
    refuse(
      field,
      `must be 1–255 letters, digits, ".", "_", "+" or "-", beginning with a letter or digit, not "${name.length > 300 ? `${name.slice(0, 300)}…` : name}"`,
    )
  }
}

function checkRange(field: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    refuse(field, `must be a whole number from ${least} to ${most}, not ${value}`)
  }
}

function checkUnique(field: string, names: readonly string[], what = 'names twice'): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) refuse(field, `${what} "${name}"`)
    seen.add(name)
  }
}

function checkCount(field: string, things: readonly unknown[], atMost: number = most.others): void {
  if (things.length > atMost) refuse(field, `must be at most ${atMost}, not ${things.length}`)
}

function refuse(field: string, what: string): never {
  throw new NbError('argument-invalid', `policy: ${field} ${what}`, { details: { field } })
}
