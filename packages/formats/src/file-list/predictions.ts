import type { MemberKind } from '../archive/member.ts'
import { paddingOf } from '../archive/member.ts'
import type { Instant } from '../instant.ts'
import { KINDS } from './attribute-head.ts'
import type { ListEntry } from './list-entry.ts'

/** Unit in which file systems allocate, mostly. */
const ALLOCATION_UNIT = 4096
const EPOCH: Instant = { seconds: 0, nanos: 0 }

/** What the last entry of one kind said: the prediction for the next of that kind. */
export interface KindState {
  mode: number
  sizeBytes: number
  allocatedBytes: number | undefined
  headerBytes: number
  linkCount: number
}

/** All that an entry is coded against; `AttributesCursor` has the same for reading. Each batch begins with a new one. */
export class Predictions {
  uid = 0
  gid = 0
  mtime: Instant = EPOCH
  ctime: Instant = EPOCH
  deviceHigh = 0
  deviceLow = 0
  inodeHigh = 0
  inodeLow = 0
  imageIndex = 0
  readonly kinds: readonly KindState[] = KINDS.map(() => ({
    mode: 0,
    sizeBytes: 0,
    allocatedBytes: undefined,
    headerBytes: 0,
    linkCount: 1,
  }))
  readonly #nextOffset = new Map<number, number>()

  /** A symlink is as long as its target; others as the last of their kind, which for files is never. */
  size(kind: MemberKind, state: KindState, linkTarget: Buffer | undefined): number {
    return kind === 'symlink' && linkTarget !== undefined ? linkTarget.length : state.sizeBytes
  }

  /** Files take whole allocation units; others as much as the last of their kind. */
  allocated(kind: MemberKind, state: KindState, sizeBytes: number): number | undefined {
    if (kind !== 'file' && kind !== 'hardlink') return state.allocatedBytes
    return Math.ceil(sizeBytes / ALLOCATION_UNIT) * ALLOCATION_UNIT
  }

  /** Members follow one another, and those of one kind have headers of one size. */
  memberBytes(kind: MemberKind, state: KindState, sizeBytes: number): number {
    return state.headerBytes + dataBytes(kind, sizeBytes)
  }

  /** Where the last member of an image ended. */
  offset(imageIndex: number): number {
    return this.#nextOffset.get(imageIndex) ?? 0
  }

  /** Takes an entry for what the next ones are coded against. */
  advance(state: KindState, entry: ListEntry): void {
    const { kind, memberBytes } = entry
    state.mode = entry.mode
    state.sizeBytes = entry.sizeBytes
    state.allocatedBytes = entry.allocatedBytes
    state.linkCount = entry.linkCount
    const headerBytes = memberBytes - dataBytes(kind, entry.sizeBytes)
    if (headerBytes >= 0) state.headerBytes = headerBytes
    if (kind !== 'hardlink') this.#nextOffset.set(entry.imageIndex, entry.memberOffset + memberBytes)
    this.uid = entry.uid
    this.gid = entry.gid
    this.mtime = entry.mtime
    this.ctime = entry.ctime
    this.deviceHigh = entry.deviceHigh
    this.deviceLow = entry.deviceLow
    this.inodeHigh = entry.inodeHigh
    this.inodeLow = entry.inodeLow
    this.imageIndex = entry.imageIndex
  }
}

function dataBytes(kind: MemberKind, sizeBytes: number): number {
  return kind === 'file' || kind === 'hardlink' ? sizeBytes + paddingOf(sizeBytes) : 0
}
