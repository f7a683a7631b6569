import {
  type Compression,
  type DayRule,
  type DigestAlgorithm,
  type Policy,
  type RetentionLevel,
  type Schedule,
  type ScheduleCopy,
  type ScheduleType,
  type Selection,
  type StartWindow,
  type StorageChoice,
  NbError,
  defaultRetentionLevels,
  durationForm,
  parseDuration,
} from '@nb/contracts'
import { checkPolicy } from '../check-policy.ts'
import { dayNumber } from '../days.ts'
import { DocumentReader, type Place } from './document-reader.ts'
import { type FileProblem, problemError } from './file-problem.ts'
import { parsePath, pathForm } from './path-text.ts'
import { type FormerLevel, keptBy, parseRetention, periodsOf, retentionForm } from './retention-text.ts'
import { calendarWeekdayForm, parseCalendarWeekday, parseWeekdays, weekdaysForm } from './weekday-text.ts'
import { hoursForm, parseHours, parseWindow, windowForm } from './window-text.ts'

/** How a policy file is read. */
export interface PolicyFileOptions {
  /** The name of the file, for messages. @default 'policy' */
  readonly file?: string
  /** The retention table, for schedules that name a period instead of a level. @default the field's */
  readonly retentionLevels?: readonly RetentionLevel[]
  /**
   * The level that a period of this policy stood for before, where none has it now; it is asked with the policy's name.
   * @default none: such a period is refused
   */
  readonly formerLevel?: (policy: string, periodMs: number) => number | undefined
}

/** What the reading of a policy file comes to. */
export interface PolicyReading {
  /** Only when there are no problems. */
  readonly policy?: Policy
  readonly problems: readonly FileProblem[]
  /** What is to be told though the policy is good: a period that no level has now. */
  readonly warnings: readonly FileProblem[]
  /** The levels of the periods that the file has. */
  readonly periods: readonly RetentionLevel[]
}

const policyKeys = [
  'name',
  'active',
  'effective',
  'clients',
  'selections',
  'multiple-streams',
  'checkpoint-every',
  'exclude',
  'include',
  'cross-mount-points',
  'compression',
  'digest',
  'storage',
  'volume-pool',
  'priority',
  'max-jobs',
  'schedules',
]
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
const dayKeys = ['dates', 'weekdays', 'days-of-month']
const types: readonly string[] = ['full', 'differential', 'cumulative', 'user-backup', 'user-archive']
const compressions: readonly Compression[] = ['zstd', 'gzip']
const digests: readonly DigestAlgorithm[] = ['sha256']
const dayMs = 86_400_000
const onFailures = new Map<string, NonNullable<ScheduleCopy['onFailure']>>([
  ['continue', 'continue'],
  ['fail-all-copies', 'failAllCopies'],
])

/**
 * The policy of a YAML or JSON text.
 * @throws NbError `argument-invalid`, with all that is wrong: file, line, column, field, what is allowed, what was likely meant
 */
export function parsePolicy(text: string, options: PolicyFileOptions = {}): Policy {
  const { policy, problems } = readPolicy(text, options)
  if (policy === undefined) throw problemError(problems)
  return policy
}

/** As {@link parsePolicy}, with the problems as data. There is a policy only when there are none. */
export function readPolicy(
  text: string,
  { file = 'policy', retentionLevels, formerLevel }: PolicyFileOptions = {},
): PolicyReading {
  const reader = new DocumentReader(text, file)
  const bad = (): PolicyReading => ({ problems: reader.problems, warnings: [], periods: [] })
  if (reader.problems.length > 0) return bad()
  const read = new PolicyReader(reader, retentionLevels, formerLevel)
  const policy = read.policy(reader.root, defaultName(file))
  if (policy === undefined || reader.problems.length > 0) return bad()
  try {
    checkPolicy(policy)
  } catch (error) {
    if (!(error instanceof NbError)) throw error
    const field = error.details['field'] as string
    reader.refuse(read.placeOf(field), error.message.replace(`policy: ${field} `, ''))
  }
  if (reader.problems.length > 0) return bad()
  return { policy, problems: [], warnings: reader.warnings, periods: read.periods }
}

function defaultName(file: string): string {
  return file.replace(/^.*\//, '').replace(/\.(ya?ml|json)$/, '')
}

type Fields = ReadonlyMap<string, Place>

/** Reads a policy; remembers where each field of the contract stands in the file. */
class PolicyReader {
  readonly #reader: DocumentReader
  readonly #levels: readonly RetentionLevel[]
  readonly #formerLevel: NonNullable<PolicyFileOptions['formerLevel']>
  readonly #places = new Map<string, Place>()
  readonly #periods = new Map<number, number>()

  constructor(
    reader: DocumentReader,
    levels: readonly RetentionLevel[] = defaultRetentionLevels,
    formerLevel: PolicyFileOptions['formerLevel'] = () => undefined,
  ) {
    this.#reader = reader
    this.#levels = levels
    this.#formerLevel = formerLevel
  }

  /** The levels of the periods that were read. */
  get periods(): readonly RetentionLevel[] {
    return [...this.#periods].map(([periodMs, level]) => ({ level, periodMs }))
  }

  /** Where a field of the contract stands, or the nearest that holds it. */
  placeOf(field: string): Place {
    for (let path = field; path !== ''; path = path.replace(/(\.[^.[]*|\[\d+\])$|^[^.[]*$/, '')) {
      const place = this.#places.get(path)
      if (place !== undefined) return place
    }
    return this.#reader.root
  }

  policy(root: Place, defaultedName: string): Policy | undefined {
    const reader = this.#reader
    const fields = reader.map(root, policyKeys)
    if (fields === undefined) return undefined
    const name = this.#may(fields, 'name', 'name', (place) => reader.text(place)) ?? defaultedName
    const selections = this.#need(fields, root, 'selections', 'selections', (place) =>
      this.#selections(place),
    )
    const clients = this.#need(fields, root, 'clients', 'clients', (place) =>
      this.#each(place, 'clients', (each) => reader.text(each, 'the name of a client')),
    )
    const schedules = this.#need(fields, root, 'schedules', 'schedules', (place) =>
      this.#each(place, 'schedules', (each, path) =>
        this.#schedule(each, path, (periodMs) => this.#formerLevel(name, periodMs)),
      ),
    )
    const policy = {
      name,
      active: this.#may(fields, 'active', 'active', (place) => reader.flag(place)) ?? true,
      effectiveAt: this.#may(fields, 'effective', 'effectiveAt', (place) =>
        reader.parsed(place, 'a moment such as 2026-01-31T18:00:00Z or 2026-01-31T18:00+01:00', parseMoment),
      ),
      clients: clients ?? [],
      selections: selections ?? [],
      multipleStreams: this.#may(fields, 'multiple-streams', 'multipleStreams', (place) =>
        reader.flag(place),
      ),
      checkpointIntervalMs: this.#may(fields, 'checkpoint-every', 'checkpointIntervalMs', (place) =>
        reader.parsed(place, `${durationForm} from 1 minute to 7 days, or "never"`, (text) =>
          text === 'never' ? 0 : between(parseDuration(text), 60_000, 7 * dayMs),
        ),
      ),
      exclude: this.#may(fields, 'exclude', 'exclude', (place) => this.#texts(place, 'exclude')),
      include: this.#may(fields, 'include', 'include', (place) => this.#texts(place, 'include')),
      crossMountPoints: this.#may(fields, 'cross-mount-points', 'crossMountPoints', (place) =>
        reader.flag(place),
      ),
      compression: this.#may(fields, 'compression', 'compression', (place) =>
        this.#choice(place, compressions),
      ),
      digest: this.#may(fields, 'digest', 'digest', (place) => this.#choice(place, digests)),
      storage: this.#may(fields, 'storage', 'storage', (place) => this.#storage(place, 'storage')) ?? {
        kind: 'any' as const,
      },
      volumePool: this.#may(fields, 'volume-pool', 'volumePool', (place) => reader.text(place)),
      priority: this.#may(fields, 'priority', 'priority', (place) => reader.integer(place, 0, 99_999)),
      maxJobs: this.#may(fields, 'max-jobs', 'maxJobs', (place) => reader.integer(place, 1, 999)),
      schedules: schedules ?? [],
    }
    return present<Policy>(policy)
  }

  #schedule(place: Place, path: string, former: FormerLevel): Schedule | undefined {
    const reader = this.#reader
    const fields = reader.map(place, scheduleKeys)
    if (fields === undefined) return undefined
    const name = this.#need(fields, place, 'name', `${path}.name`, (each) => reader.text(each))
    const type = this.#need(fields, place, 'type', `${path}.type`, (each) =>
      reader.parsed(each, `one of ${types.join(', ')}`, (text) =>
        types.includes(text) ? (text as ScheduleType) : undefined,
      ),
    )
    const windows = this.#need(fields, place, 'windows', `${path}.windows`, (each) =>
      this.#windows(each, `${path}.windows`),
    )
    const retentionLevel = this.#need(fields, place, 'retention', `${path}.retentionLevel`, (each) =>
      this.#retention(each, former),
    )
    const frequencyMs = this.#may(fields, 'every', `${path}.frequencyMs`, (each) =>
      reader.parsed(each, `${durationForm}, from 1 minute to 366 days`, (text) =>
        between(parseDuration(text), 60_000, 366 * dayMs),
      ),
    )
    const calendar = this.#may(fields, 'calendar', `${path}.calendar`, (each) => {
      const days = reader.map(each, [...dayKeys, 'retry-after-run-day'])
      if (days === undefined) return undefined
      const retry = this.#may(days, 'retry-after-run-day', `${path}.calendar.retryAfterRunDay`, (flag) =>
        reader.flag(flag),
      )
      return { ...this.#days(days, `${path}.calendar`), retryAfterRunDay: retry ?? false }
    })
    this.#checkStart(fields, place, path, type)
    const schedule = {
      name: name ?? '',
      type: type ?? 'full',
      frequencyMs,
      calendar,
      exclude: this.#may(fields, 'exclude', `${path}.exclude`, (each) => {
        const days = reader.map(each, dayKeys)
        return days === undefined ? undefined : this.#days(days, `${path}.exclude`)
      }),
      windows: windows ?? [],
      retentionLevel: retentionLevel ?? 0,
      multiplexing: this.#may(fields, 'multiplexing', `${path}.multiplexing`, (each) =>
        reader.integer(each, 1, 32),
      ),
      storage: this.#may(fields, 'storage', `${path}.storage`, (each) =>
        this.#storage(each, `${path}.storage`),
      ),
      volumePool: this.#may(fields, 'volume-pool', `${path}.volumePool`, (each) => reader.text(each)),
      copies: this.#may(fields, 'copies', `${path}.copies`, (each) =>
        this.#each(each, `${path}.copies`, (copy, at) => this.#copy(copy, at, former)),
      ),
    }
    return present<Schedule>(schedule)
  }

  /** One of the copies that are written at once. */
  #copy(place: Place, path: string, former: FormerLevel): ScheduleCopy | undefined {
    const reader = this.#reader
    const fields = reader.map(place, copyKeys)
    if (fields === undefined) return undefined
    return present<ScheduleCopy>({
      storage: this.#may(fields, 'storage', `${path}.storage`, (each) =>
        this.#storage(each, `${path}.storage`),
      ),
      volumePool: this.#may(fields, 'volume-pool', `${path}.volumePool`, (each) => reader.text(each)),
      retentionLevel: this.#may(fields, 'retention', `${path}.retentionLevel`, (each) =>
        this.#retention(each, former),
      ),
      onFailure: this.#may(fields, 'on-failure', `${path}.onFailure`, (each) =>
        reader.parsed(each, 'continue or fail-all-copies', (text) => onFailures.get(text)),
      ),
    })
  }

  /** One of some words, or `none`. */
  #choice<Choice extends string>(place: Place, choices: readonly Choice[]): Choice | undefined {
    const words: readonly (Choice | 'none')[] = ['none', ...choices]
    const read = this.#reader.parsed(place, `one of ${words.join(', ')}`, (text) =>
      words.find((word) => word === text),
    )
    return read === 'none' ? undefined : read
  }

  #retention(place: Place, former: FormerLevel): number | undefined {
    const reader = this.#reader
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

  /** A schedule that starts by itself says when: here in the words of the file, before the policy's own check. */
  #checkStart(fields: Fields, place: Place, path: string, type: ScheduleType | undefined): void {
    if (type === undefined || type === 'user-backup' || type === 'user-archive') return
    const every = fields.get('every')
    const calendar = fields.get('calendar')
    this.#places.set(path, place)
    if (['every', 'calendar'].some((key) => this.#reader.isMeant(place, key))) return
    if (every === undefined && calendar === undefined) {
      this.#reader.refuse(
        place,
        `needs "every" (${durationForm}) or "calendar": a ${type} backup starts by itself`,
      )
    } else if (every !== undefined && calendar !== undefined) {
      this.#reader.refuse(calendar, 'must not stand beside "every": a schedule has one or the other')
    }
  }

  #windows(place: Place, path: string): StartWindow[] | undefined {
    const reader = this.#reader
    if (reader.kindOf(place) !== 'map') {
      const lists = this.#each(place, path, (each) =>
        this.#lasting(each, reader.parsed(each, windowForm, parseWindow)),
      )
      return lists?.flat()
    }
    const windows: StartWindow[] = []
    for (const [days, each] of reader.map(place) ?? []) {
      const weekdays = parseWeekdays(days)
      if (weekdays === undefined) reader.refuse(each, `must have ${weekdaysForm} as its key, not "${days}"`)
      const hours = reader.kindOf(each) === 'list' ? reader.list(each) : [each]
      for (const hour of hours ?? []) {
        const span = reader.parsed(hour, hoursForm, parseHours)
        const spans = (weekdays ?? []).flatMap((weekday) =>
          span === undefined ? [] : [{ weekday, ...span }],
        )
        windows.push(...(this.#lasting(hour, spans) ?? []))
      }
    }
    return windows
  }

  /** Windows of one place, which have one length. */
  #lasting(place: Place, windows: readonly StartWindow[] | undefined): readonly StartWindow[] | undefined {
    const seconds = windows?.[0]?.durationSeconds
    if (seconds === undefined || (seconds >= 1 && seconds <= 7 * 86_400)) return windows
    const text = this.#reader.text(place)
    return this.#reader.refuse(place, `must be open for 1 second to 7 days, not "${text}"`)
  }

  #days(fields: Fields, path: string): DayRule {
    const reader = this.#reader
    const rule = {
      dates: this.#may(fields, 'dates', `${path}.dates`, (place) => this.#texts(place, `${path}.dates`)),
      weekdays: this.#may(fields, 'weekdays', `${path}.weekdays`, (place) =>
        this.#each(place, `${path}.weekdays`, (each) =>
          reader.parsed(each, calendarWeekdayForm, parseCalendarWeekday),
        )?.flat(),
      ),
      daysOfMonth: this.#may(fields, 'days-of-month', `${path}.daysOfMonth`, (place) =>
        this.#each(place, `${path}.daysOfMonth`, (each) =>
          reader.parsed(each, 'a day of the month, 1–31, or "last"', parseDayOfMonth),
        ),
      ),
    }
    return present<DayRule>(rule)
  }

  #selections(place: Place): Selection[] | undefined {
    return this.#each(place, 'selections', (each) =>
      this.#reader.parsed(
        each,
        `${pathForm}, NEW_STREAM or ALL_LOCAL_DRIVES`,
        (text): Selection | undefined => {
          if (text === 'NEW_STREAM' || text === 'ALL_LOCAL_DRIVES') return text
          return text.startsWith('/') ? parsePath(text) : undefined
        },
      ),
    )
  }

  #storage(place: Place, path: string): StorageChoice | undefined {
    const reader = this.#reader
    const form = '"any", {unit: NAME} or {group: NAME}'
    if (reader.kindOf(place) !== 'map') {
      return reader.parsed(place, form, (text) => (text === 'any' ? { kind: 'any' as const } : undefined))
    }
    const before = reader.problems.length
    const fields = reader.map(place, ['unit', 'group'])
    if (reader.problems.length > before) return undefined
    const [[kind, name] = [], ...more] = fields ?? []
    if (name === undefined || more.length > 0) {
      return fields?.size === 0 || more.length > 0 ? reader.refuse(place, `must be ${form}`) : undefined
    }
    this.#places.set(`${path}.name`, name)
    const text = reader.text(name, `the name of a storage ${kind}`)
    return text === undefined ? undefined : { kind: kind as 'unit' | 'group', name: text }
  }

  #texts(place: Place, path: string): string[] | undefined {
    return this.#each(place, path, (each) => this.#reader.text(each))
  }

  #each<Value>(
    place: Place,
    path: string,
    read: (place: Place, path: string) => Value | undefined,
  ): Value[] | undefined {
    const values = this.#reader.list(place)?.map((each, index) => {
      this.#places.set(`${path}[${index}]`, each)
      return read(each, `${path}[${index}]`)
    })
    return values?.filter((value) => value !== undefined)
  }

  #may<Value>(
    fields: Fields,
    key: string,
    path: string,
    read: (place: Place) => Value | undefined,
  ): Value | undefined {
    const place = fields.get(key)
    if (place === undefined) return undefined
    this.#places.set(path, place)
    return read(place)
  }

  #need<Value>(
    fields: Fields,
    parent: Place,
    key: string,
    path: string,
    read: (place: Place) => Value | undefined,
  ): Value | undefined {
    if (fields.has(key)) return this.#may(fields, key, path, read)
    if (this.#reader.isMeant(parent, key)) return undefined
    const where = parent.field === '' ? key : `${parent.field}.${key}`
    return this.#reader.refuse({ node: parent.node, field: where }, 'is missing')
  }
}

/** The value without the keys that are `undefined`. */
function present<Value extends object>(value: {
  readonly [Key in keyof Value]: Value[Key] | undefined
}): Value {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Value
}

function between(value: number | undefined, least: number, most: number): number | undefined {
  return value !== undefined && value >= least && value <= most ? value : undefined
}

function parseMoment(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined
  // Date.parse turns February 30 into March 2; nobody means that.
  if (dayNumber(text.slice(0, 10)) === undefined) return undefined
  const at = Date.parse(text.replace(' ', 'T'))
  return Number.isNaN(at) ? undefined : at
}

function parseDayOfMonth(text: string): number | 'last' | undefined {
  if (text === 'last') return 'last'
  return /^\d\d?$/.test(text) ? between(Number(text), 1, 31) : undefined
}
