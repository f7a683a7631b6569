import type { FragmentRecord, ImageCopy, WantedOfImage } from '@nb/contracts'

/** Images whose data is read from one storage unit in one session. */
export interface RestoreGroup {
  readonly storageUnit: string
  readonly mediaServer: string
  readonly sources: readonly PlannedSource[]
  /** On tape: the volumes that hold what is wanted; none where no data is. Absent for a disk. */
  readonly volumes?: readonly string[]
}

/** One image that data comes from. */
export interface PlannedSource {
  readonly backupId: string
  readonly copy: ImageCopy
  readonly entries: number
  readonly bytes: number
  /** Where in its stream what is wanted lies, unless that is in too many places to be told. */
  readonly wanted?: WantedOfImage
  /** On tape: the fragments that hold what is wanted of it, with their positions. */
  readonly needed?: readonly FragmentRecord[]
}
