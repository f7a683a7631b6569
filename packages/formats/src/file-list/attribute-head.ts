import type { MemberKind } from '../archive/member.ts'

/** The kinds in the order of their numbers at rest; a number is never used again. */
export const KINDS: readonly MemberKind[] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'fifo',
  'character-device',
  'block-device',
]

/** Bits of an entry's 16-bit head; those named `…Same` spare a field that equals its prediction. */
export const HEAD = {
  kindMask: 0x7,
  modeSame: 0x8,
  ownerSame: 0x10,
  sizeSame: 0x20,
  allocatedSame: 0x40,
  mtimeSeconds: 0x80,
  deviceSame: 0x100,
  imageSame: 0x200,
  offsetSame: 0x400,
  memberBytesSame: 0x800,
  linkCountSame: 0x1000,
  extra: 0x2000,
  ctimeShift: 14,
} as const
/** How the change time is coded. */
export const CTIME = { equalsMtime: 0, fromMtime: 1, fromPrevious: 2, equalsPrevious: 3 } as const
/** Bits of an entry's extra byte. */
export const EXTRA = { digest: 1, flags: 2, all: 3 } as const

/** Greatest `imageIndex`: the table of a list's images is bounded by it. */
export const MAX_IMAGE_INDEX = 65_535
