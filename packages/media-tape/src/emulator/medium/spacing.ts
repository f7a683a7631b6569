import type { TapeIndex } from './tape-index.ts'

/** Where spacing ends. */
export interface Spaced {
  /** The object that is stood before. */
  readonly to: number
  /** What was asked for and passed over, without a sign. */
  readonly passed: number
  /** What ended it before the count. */
  readonly stoppedBy?: 'filemark' | 'end-of-data' | 'beginning'
}

/**
 * Over blocks, towards the beginning with a negative count. A filemark ends it, passed going forward, not passed going
 * back (SSC-4, 6.6 SPACE(6)).
 */
export function spaceBlocks(index: TapeIndex, from: number, count: number): Spaced {
  const marksBefore = index.filemarksBefore(from)
  const wanted = Math.abs(count)
  if (count >= 0) {
    const mark = index.findFilemark(marksBefore)
    const room = (mark ?? index.objects) - from
    if (wanted <= room) return { to: from + wanted, passed: wanted }
    return mark === undefined
      ? { to: index.objects, passed: room, stoppedBy: 'end-of-data' }
      : { to: mark + 1, passed: room, stoppedBy: 'filemark' }
  }
  const mark = marksBefore === 0 ? undefined : index.findFilemark(marksBefore - 1)
  const room = from - (mark === undefined ? 0 : mark + 1)
  if (wanted <= room) return { to: from - wanted, passed: wanted }
  return mark === undefined
    ? { to: 0, passed: room, stoppedBy: 'beginning' }
    : { to: mark, passed: room, stoppedBy: 'filemark' }
}

/** Over filemarks: after the last of them going forward, before it going back. */
export function spaceFilemarks(index: TapeIndex, from: number, count: number): Spaced {
  const before = index.filemarksBefore(from)
  if (count > 0) {
    const found = index.findFilemark(before + count - 1)
    if (found !== undefined) return { to: found + 1, passed: count }
    const passed = index.filemarksBefore(index.objects) - before
    return { to: index.objects, passed, stoppedBy: 'end-of-data' }
  }
  if (count === 0) return { to: from, passed: 0 }
  const found = before + count >= 0 ? index.findFilemark(before + count) : undefined
  if (found !== undefined) return { to: found, passed: -count }
  return { to: 0, passed: before, stoppedBy: 'beginning' }
}
