/** The longest times for a drive's commands, milliseconds. What takes longer is taken for stuck. */
export interface MotionTimes {
  /** READ and WRITE of a block. @default 1 560 000 */
  readonly transferMs?: number
  /** WRITE FILEMARKS, which may have to write what is in the drive's buffer. @default 1 680 000 */
  readonly filemarksMs?: number
  /** REWIND. @default 660 000 */
  readonly rewindMs?: number
  /** LOCATE and SPACE. @default 2 940 000 */
  readonly positionMs?: number
  /** Loading and unloading, each. @default 960 000 */
  readonly loadMs?: number
  /** Everything else. @default 60 000 */
  readonly otherMs?: number
}

/** About the longest times that makers of LTO drives give. */
export const defaultMotionTimes: Required<MotionTimes> = {
  transferMs: 1_560_000,
  filemarksMs: 1_680_000,
  rewindMs: 660_000,
  positionMs: 2_940_000,
  loadMs: 960_000,
  otherMs: 60_000,
}
