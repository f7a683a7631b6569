import {
  type Compression,
  type DigestAlgorithm,
  type Policy,
  type RetentionLevel,
  type Selection,
  NbError,
  defaultRetentionLevels,
  durationForm,
  parseDuration,
} from '@nb/contracts'
import { checkPolicy } from '../check-policy.ts'
import { dayNumber } from '../days.ts'
import { DocumentReader, type Place } from './document-reader.ts'
import { FieldReader, between, present } from './field-reader.ts'
import { type FileProblem, problemError } from './file-problem.ts'
import { parsePath, pathForm } from './path-text.ts'
import { readStorage } from './read-storage.ts'
import { ScheduleReader } from './schedule-reader.ts'

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
const compressions: readonly Compression[] = ['zstd', 'gzip']
const digests: readonly DigestAlgorithm[] = ['sha256']
const dayMs = 86_400_000

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
  {
    file = 'policy',
    retentionLevels = defaultRetentionLevels,
    formerLevel = () => undefined,
  }: PolicyFileOptions = {},
): PolicyReading {
  const reader = new DocumentReader(text, file)
  const bad = (): PolicyReading => ({ problems: reader.problems, warnings: [], periods: [] })
  if (reader.problems.length > 0) return bad()
  const fields = new FieldReader(reader)
  const schedules = new ScheduleReader(fields, retentionLevels)
  const policy = readFields(fields, schedules, defaultName(file), formerLevel)
  if (policy === undefined || reader.problems.length > 0) return bad()
  try {
    checkPolicy(policy)
  } catch (error) {
    if (!(error instanceof NbError)) throw error
    const field = error.details['field'] as string
    reader.refuse(fields.placeOf(field), error.message.replace(`policy: ${field} `, ''))
  }
  if (reader.problems.length > 0) return bad()
  return { policy, problems: [], warnings: reader.warnings, periods: schedules.periods }
}

function defaultName(file: string): string {
  return file.replace(/^.*\//, '').replace(/\.(ya?ml|json)$/, '')
}

/** The policy of the whole document; its name, where the document has none, is `defaultedName`. */
function readFields(
  fields: FieldReader,
  scheduleReader: ScheduleReader,
  defaultedName: string,
  formerLevel: NonNullable<PolicyFileOptions['formerLevel']>,
): Policy | undefined {
  const reader = fields.document
  const { root } = reader
  const keys = reader.map(root, policyKeys)
  if (keys === undefined) return undefined
  const name = fields.may(keys, 'name', 'name', (place) => reader.text(place)) ?? defaultedName
  const selections = fields.need(keys, root, 'selections', 'selections', (place) =>
    readSelections(fields, place),
  )
  const clients = fields.need(keys, root, 'clients', 'clients', (place) =>
    fields.each(place, 'clients', (each) => reader.text(each, 'the name of a client')),
  )
  const schedules = fields.need(keys, root, 'schedules', 'schedules', (place) =>
    fields.each(place, 'schedules', (each, path) =>
      scheduleReader.schedule(each, path, (periodMs) => formerLevel(name, periodMs)),
    ),
  )
  const policy = {
    name,
    active: fields.may(keys, 'active', 'active', (place) => reader.flag(place)) ?? true,
    effectiveAt: fields.may(keys, 'effective', 'effectiveAt', (place) =>
      reader.parsed(place, 'a moment such as 2026-01-31T18:00:00Z or 2026-01-31T18:00+01:00', parseMoment),
    ),
    clients: clients ?? [],
    selections: selections ?? [],
    multipleStreams: fields.may(keys, 'multiple-streams', 'multipleStreams', (place) => reader.flag(place)),
    checkpointIntervalMs: fields.may(keys, 'checkpoint-every', 'checkpointIntervalMs', (place) =>
      reader.parsed(place, `${durationForm} from 1 minute to 7 days, or "never"`, (text) =>
        text === 'never' ? 0 : between(parseDuration(text), 60_000, 7 * dayMs),
      ),
    ),
    exclude: fields.may(keys, 'exclude', 'exclude', (place) => fields.texts(place, 'exclude')),
    include: fields.may(keys, 'include', 'include', (place) => fields.texts(place, 'include')),
    crossMountPoints: fields.may(keys, 'cross-mount-points', 'crossMountPoints', (place) =>
      reader.flag(place),
    ),
    compression: fields.may(keys, 'compression', 'compression', (place) =>
      fields.choice(place, compressions),
    ),
    digest: fields.may(keys, 'digest', 'digest', (place) => fields.choice(place, digests)),
    storage: fields.may(keys, 'storage', 'storage', (place) => readStorage(fields, place, 'storage')) ?? {
      kind: 'any' as const,
    },
    volumePool: fields.may(keys, 'volume-pool', 'volumePool', (place) => reader.text(place)),
    priority: fields.may(keys, 'priority', 'priority', (place) => reader.integer(place, 0, 99_999)),
    maxJobs: fields.may(keys, 'max-jobs', 'maxJobs', (place) => reader.integer(place, 1, 999)),
    schedules: schedules ?? [],
  }
  return present<Policy>(policy)
}

function readSelections(fields: FieldReader, place: Place): Selection[] | undefined {
  return fields.each(place, 'selections', (each) =>
    fields.document.parsed(
      each,
      `${pathForm}, NEW_STREAM or ALL_LOCAL_DRIVES`,
      (text): Selection | undefined => {
        if (text === 'NEW_STREAM' || text === 'ALL_LOCAL_DRIVES') return text
        return text.startsWith('/') ? parsePath(text) : undefined
      },
    ),
  )
}

function parseMoment(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined
  // Date.parse turns February 30 into March 2; nobody means that.
  if (dayNumber(text.slice(0, 10)) === undefined) return undefined
  const at = Date.parse(text.replace(' ', 'T'))
  return Number.isNaN(at) ? undefined : at
}
