import type { Compression, DigestAlgorithm, ImageRecord, ImageState, ScheduleType } from '@nb/contracts'

type Check = (value: unknown, at: string) => void

const states: readonly ImageState[] = ['in-progress', 'complete', 'expired', 'discarded']
const scheduleTypes: readonly ScheduleType[] = [
  'full',
  'differential',
  'cumulative',
  'user-backup',
  'user-archive',
]
const compressions: readonly Compression[] = ['zstd', 'gzip']
const digestAlgorithms: readonly DigestAlgorithm[] = ['sha256']

const fail = (at: string, expected: string): never => {
  throw new TypeError(`${at} is not ${expected}`)
}
const text: Check = (value, at) => void (typeof value === 'string' || fail(at, 'text'))
const flag: Check = (value, at) => void (typeof value === 'boolean' || fail(at, 'true or false'))
const count: Check = (value, at) =>
  void ((Number.isSafeInteger(value) && (value as number) >= 0) || fail(at, 'a whole number'))
const oneOf =
  (values: readonly unknown[]): Check =>
  (value, at) =>
    void (values.includes(value) || fail(at, `one of ${values.join(', ')}`))
const optional =
  (check: Check): Check =>
  (value, at) =>
    value === undefined ? undefined : check(value, at)
const listOf =
  (check: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) fail(at, 'a list')
    else value.forEach((item, index) => check(item, `${at}[${index}]`))
  }
const record =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(at, 'a record')
    for (const [name, check] of Object.entries(fields))
      check((value as Record<string, unknown>)[name], `${at}.${name}`)
  }

const fragment = record({
  number: count,
  streamOffset: count,
  streamBytes: count,
  wholeMembers: flag,
  blockBytes: count,
  storedBytes: optional(count),
  volumeId: optional(text),
  filemark: optional(count),
  headerBlock: optional(count),
  footerBlock: optional(count),
  stream: optional(count),
})
/** Checks a copy of an image. */
export const checkCopy: Check = record({
  copy: count,
  storageUnit: text,
  mediaServer: text,
  fragments: listOf(fragment),
  expiresAt: optional(count),
})

/** Checks the counts a backup session tells. */
export const checkCounts: Check = record({
  entries: count,
  storedEntries: count,
  bytes: count,
  streamBytes: count,
  warnings: count,
})
/** Checks the totals of a file list. */
export const checkTotals: Check = record({ bytes: count, batches: count, entries: count })
/** Checks what completes an image. */
export const checkCompletion: Check = record({
  status: oneOf([0, 1]),
  counts: checkCounts,
  fileList: checkTotals,
  copies: listOf(checkCopy),
})
/** Checks what is known of an image when its backup begins; names are checked apart. */
export const checkNewImage: Check = record({
  jobId: text,
  client: text,
  policy: text,
  schedule: text,
  scheduleType: oneOf(scheduleTypes),
  stream: optional(text),
  streamSet: optional(listOf(text)),
  selections: listOf(text),
  retentionLevel: count,
  expiresAt: optional(count),
  compression: optional(oneOf(compressions)),
  digest: optional(oneOf(digestAlgorithms)),
  referenceId: optional(text),
})

const imageRecord = record({
  version: oneOf([1]),
  backupId: text,
  state: oneOf(states),
  jobId: text,
  client: text,
  policy: text,
  schedule: text,
  scheduleType: oneOf(scheduleTypes),
  stream: optional(text),
  streamSet: optional(listOf(text)),
  backupTime: count,
  selections: listOf(text),
  retentionLevel: count,
  expiresAt: optional(count),
  compression: optional(oneOf(compressions)),
  digest: optional(oneOf(digestAlgorithms)),
  referenceId: optional(text),
  neededImages: listOf(text),
  completedAt: optional(count),
  status: optional(count),
  counts: optional(checkCounts),
  copies: listOf(checkCopy),
  imported: optional(flag),
  damaged: optional(text),
})

/** A value as an image record. Throws `TypeError` naming the field that is wrong. */
export function checkImageRecord(value: unknown): ImageRecord {
  imageRecord(value, 'image')
  return value as ImageRecord
}
