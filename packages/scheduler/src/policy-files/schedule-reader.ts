import {
  type RetentionLevel,
  type Schedule,
  type ScheduleCopy,
  type ScheduleType,
  durationForm,
  parseDuration,
} from '@nb/contracts'
import type { Place } from './document-reader.ts'
import { type FieldReader, type Fields, between, present } from './field-reader.ts'
import { dayKeys, readDays } from './read-days.ts'
import { readStorage } from './read-storage.ts'
import { readWindows } from './read-windows.ts'
import { type FormerLevel, keptBy, parseRetention, periodsOf, retentionForm } from './retention-text.ts'

const scheduleKeys = [
  'name',
  'type',
  'every',
  'calendar',
  'exclude',
  'windows',
  'retention',
  'multiplexing',
  'storage',
  'volume-pool',
  'copies',
]
const copyKeys = ['storage', 'volume-pool', 'retention', 'on-failure']
const types: readonly string[] = ['full', 'differential', 'cumulative', 'user-backup', 'user-archive']
const dayMs = 86_400_000
const onFailures = new Map<string, NonNullable<ScheduleCopy['onFailure']>>([
  ['continue', 'continue'],
  ['fail-all-copies', 'failAllCopies'],
])

/** Reads the schedules of a policy, with their copies; remembers the periods that they keep images for. */
export class ScheduleReader {
  readonly #fields: FieldReader
  readonly #levels: readonly RetentionLevel[]
  readonly #periods = new Map<number, number>()

  constructor(fields: FieldReader, levels: readonly RetentionLevel[]) {
    this.#fields = fields
    this.#levels = levels
  }

  /** The levels of the periods that were read. */
  get periods(): readonly RetentionLevel[] {
    return [...this.#periods].map(([periodMs, level]) => ({ level, periodMs }))
  }

  /** One schedule, which stands as `path` in the policy. */
  schedule(place: Place, path: string, former: FormerLevel): Schedule | undefined {
    const fields = this.#fields
    const reader = fields.document
    const keys = reader.map(place, scheduleKeys)
    if (keys === undefined) return undefined
    const name = fields.need(keys, place, 'name', `${path}.name`, (each) => reader.text(each))
    const type = fields.need(keys, place, 'type', `${path}.type`, (each) =>
      reader.parsed(each, `one of ${types.join(', ')}`, (text) =>
        types.includes(text) ? (text as ScheduleType) : undefined,
      ),
    )
    const windows = fields.need(keys, place, 'windows', `${path}.windows`, (each) =>
      readWindows(fields, each, `${path}.windows`),
    )
    const retentionLevel = fields.need(keys, place, 'retention', `${path}.retentionLevel`, (each) =>
      this.#retention(each, former),
    )
    const frequencyMs = fields.may(keys, 'every', `${path}.frequencyMs`, (each) =>
      reader.parsed(each, `${durationForm}, from 1 minute to 366 days`, (text) =>
        between(parseDuration(text), 60_000, 366 * dayMs),
      ),
    )
    const calendar = fields.may(keys, 'calendar', `${path}.calendar`, (each) => {
      const days = reader.map(each, [...dayKeys, 'retry-after-run-day'])
      if (days === undefined) return undefined
      const retry = fields.may(days, 'retry-after-run-day', `${path}.calendar.retryAfterRunDay`, (flag) =>
        reader.flag(flag),
      )
      return { ...readDays(fields, days, `${path}.calendar`), retryAfterRunDay: retry ?? false }
    })
    this.#checkStart(keys, place, path, type)
    const schedule = {
      name: name ?? '',
      type: type ?? 'full',
      frequencyMs,
      calendar,
      exclude: fields.may(keys, 'exclude', `${path}.exclude`, (each) => {
        const days = reader.map(each, dayKeys)
        return days === undefined ? undefined : readDays(fields, days, `${path}.exclude`)
      }),
      windows: windows ?? [],
      retentionLevel: retentionLevel ?? 0,
      multiplexing: fields.may(keys, 'multiplexing', `${path}.multiplexing`, (each) =>
        reader.integer(each, 1, 32),
      ),
      storage: fields.may(keys, 'storage', `${path}.storage`, (each) =>
        readStorage(fields, each, `${path}.storage`),
      ),
      volumePool: fields.may(keys, 'volume-pool', `${path}.volumePool`, (each) => reader.text(each)),
      copies: fields.may(keys, 'copies', `${path}.copies`, (each) =>
        fields.each(each, `${path}.copies`, (copy, at) => this.#copy(copy, at, former)),
      ),
    }
    return present<Schedule>(schedule)
  }

  /** A schedule that starts by itself says when: here in the words of the file, before the policy's own check. */
  #checkStart(keys: Fields, place: Place, path: string, type: ScheduleType | undefined): void {
    if (type === undefined || type === 'user-backup' || type === 'user-archive') return
    const every = keys.get('every')
    const calendar = keys.get('calendar')
    this.#fields.remember(path, place)
    if (['every', 'calendar'].some((key) => this.#fields.document.isMeant(place, key))) return
    if (every === undefined && calendar === undefined) {
      this.#fields.document.refuse(
        place,
        `needs "every" (${durationForm}) or "calendar": a ${type} backup starts by itself`,
      )
    } else if (every !== undefined && calendar !== undefined) {
      this.#fields.document.refuse(calendar, 'must not stand beside "every": a schedule has one or the other')
    }
  }

  /** One of the copies that are written at once. */
  #copy(place: Place, path: string, former: FormerLevel): ScheduleCopy | undefined {
    const fields = this.#fields
    const reader = fields.document
    const keys = reader.map(place, copyKeys)
    if (keys === undefined) return undefined
    return present<ScheduleCopy>({
      storage: fields.may(keys, 'storage', `${path}.storage`, (each) =>
        readStorage(fields, each, `${path}.storage`),
      ),
      volumePool: fields.may(keys, 'volume-pool', `${path}.volumePool`, (each) => reader.text(each)),
      retentionLevel: fields.may(keys, 'retention', `${path}.retentionLevel`, (each) =>
        this.#retention(each, former),
      ),
      onFailure: fields.may(keys, 'on-failure', `${path}.onFailure`, (each) =>
        reader.parsed(each, 'continue or fail-all-copies', (text) => onFailures.get(text)),
      ),
    })
  }

  #retention(place: Place, former: FormerLevel): number | undefined {
    const reader = this.#fields.document
    const levels = this.#levels
    const read = reader.parsed(place, retentionForm(levels), (text) => parseRetention(text, levels, former))
    if (read?.periodMs !== undefined) this.#periods.set(read.periodMs, read.level)
    if (read?.isFormer === true) {
      reader.warn(
        place,
        `is "${reader.text(place) ?? ''}", which no level has now; it stands for level ${read.level} as before, which keeps ${keptBy(read.level, levels)}: write "level ${read.level}", or a period that a level has (${periodsOf(levels)})`,
      )
    }
    return read?.level
  }
}
