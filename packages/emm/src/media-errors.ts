import type { MediaError, MediaErrorVerdict } from '@nb/contracts'
import { invalid } from './argument-checks.ts'
import { type ErrorPolicy, judge } from './error-policy.ts'
import { requireDrive, setDriveState } from './hardware.ts'
import type { Change, InventoryView } from './inventory.ts'
import { validError } from './valid-configuration.ts'
import { requireVolume } from './known-volume.ts'
import { inState } from './volume-life.ts'

/** How many errors are remembered, and how long. */
export interface ErrorMemory {
  readonly most: number
  readonly ms: number
}

/** What an error changes: it is remembered, old ones are forgotten, and the volume or the drive may change its state. */
export function reportError(
  view: InventoryView,
  input: MediaError,
  policy: ErrorPolicy,
  memory: ErrorMemory,
): { readonly error: MediaError; readonly verdict: MediaErrorVerdict; readonly batch: readonly Change[] } {
  const error = validError(input)
  const drive = requireDrive(view, error.drive)
  const volume = error.volumeId === undefined ? undefined : requireVolume(view, error.volumeId)
  const errors = [...view.errors.values(), error]
  const { verdict, reason } = judge(
    errors,
    error,
    { drive, ...(volume === undefined ? {} : { volume }) },
    policy,
  )
  const batch: Change[] = [
    ...forgotten(view, error.at - memory.ms, memory.most - 1),
    { table: 'errors', key: nextKey(view), value: error },
  ]
  if (verdict.action === 'drive-down') batch.push(...setDriveState(view, drive.name, 'down', reason))
  if (volume !== undefined && (verdict.action === 'volume-frozen' || verdict.action === 'volume-suspended')) {
    const state = verdict.action === 'volume-frozen' ? 'frozen' : 'suspended'
    batch.push({ table: 'volumes', key: volume.volumeId, value: inState(volume, state, reason) })
  }
  return { error, verdict, batch }
}

/** The changes that forget the errors of a volume, of a drive, or of the two together. Throws `argument-invalid`. */
export function forgetErrors(view: InventoryView, of: ErrorsOf): Change[] {
  if (of.volumeId === undefined && of.drive === undefined)
    throw invalid('volumeId', undefined, 'a volume, a drive, or both')
  return [...view.errors]
    .filter(([, error]) => isOf(error, of))
    .map(([key]) => ({ table: 'errors', key, value: undefined }))
}

/** Whose errors: those that fit all that is given. */
export interface ErrorsOf {
  readonly volumeId?: string
  readonly drive?: string
}

/** Whether an error is one of those. */
export const isOf = (error: MediaError, { volumeId, drive }: ErrorsOf): boolean =>
  (volumeId === undefined || error.volumeId === volumeId) && (drive === undefined || error.drive === drive)

/** Errors before a time, and the oldest of more than `most`, go. The table is in the order of its keys. */
function forgotten(view: InventoryView, before: number, most: number): Change[] {
  const changes: Change[] = []
  let left = view.errors.size
  for (const [key, { at }] of view.errors) {
    if (at >= before && left <= most) break
    changes.push({ table: 'errors', key, value: undefined })
    left -= 1
  }
  return changes
}

/** Larger than every key so far. */
function nextKey(view: InventoryView): string {
  const last = [...view.errors.keys()].at(-1) ?? '0'
  return String(Number(last) + 1).padStart(16, '0')
}
