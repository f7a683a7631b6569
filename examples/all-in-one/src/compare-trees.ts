import {
  type BigIntStats,
  closeSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  readlinkSync,
} from 'node:fs'
import { displayPath, pathFromBytes } from '@nb/contracts'
import { instantOf, nearestListableTime, timeNsOf } from '@nb/formats'

/** What a comparison found. */
export interface TreeComparison {
  readonly entries: number
  readonly bytes: number
  /** Entries that differ and changed on the left since {@link CompareOptions.since}; no difference of theirs counts. */
  readonly changed: number
  /** A sentence per difference, the first hundred. */
  readonly differences: readonly string[]
  readonly differenceCount: number
}

/** What not to compare. */
export interface CompareOptions {
  /** Directories on the left that don't count, with all below. @default none */
  readonly except?: readonly string[]
  /** What changed on the left after this moment, milliseconds since the epoch, can't be the same. @default nothing did */
  readonly since?: number
}

const slash = Buffer.from('/')
/** Stays in the processor's cache: half again as fast as 1 MiB where files are cached or holes. */
const chunkBytes = 256 * 1024

/**
 * Compares two trees entry by entry: kind, mode, owner, size, modification time to the nanosecond, link target, device
 * number, and content byte by byte.
 */
export function compareTrees(left: string, right: string, options: CompareOptions = {}): TreeComparison {
  const { except = [], since = Infinity } = options
  const differences: string[] = []
  const changed = new Set<string>()
  const totals = { entries: 0, bytes: 0, differenceCount: 0 }
  const left_ = Buffer.from(left)
  const differ = (path: Buffer, what: string): void => {
    if (changeTime(Buffer.concat([left_, path])) > since) return void changed.add(path.toString('latin1'))
    totals.differenceCount += 1
    if (differences.length < 100) differences.push(`${displayPath(pathFromBytes(path)) || '/'}: ${what}`)
  }
  /** What can't be read can't be said to be the same. */
  const attempt = (path: Buffer, compare: () => void): void => {
    try {
      compare()
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === undefined) throw error
      differ(path, `could not be compared (${code})`)
    }
  }
  const buffers: [Buffer, Buffer] = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)]
  const visit = (relative: Buffer): void => {
    const a = Buffer.concat([left_, relative])
    const b = Buffer.concat([Buffer.from(right), relative])
    if (except.includes(a.toString())) return
    const [statA, statB] = [stat(a), stat(b)]
    // A socket lives with its process: backups leave it out, and say so.
    if (statA?.isSocket() === true) return
    if (statA === undefined || statB === undefined) {
      if (statA !== undefined || statB !== undefined)
        differ(relative, statA === undefined ? 'only in the copy' : 'missing')
      return
    }
    totals.entries += 1
    compareAttributes(statA, statB, (what) => differ(relative, what))
    if (statA.isSymbolicLink() && statB.isSymbolicLink()) {
      if (!readlinkSync(a, 'buffer').equals(readlinkSync(b, 'buffer'))) differ(relative, 'points elsewhere')
    } else if (statA.isFile() && statB.isFile() && statA.size === statB.size) {
      totals.bytes += Number(statA.size)
      if (!sameContent(a, b, buffers)) differ(relative, 'content differs')
    } else if (statA.isDirectory() && statB.isDirectory()) {
      for (const name of namesOfBoth(a, b)) {
        const below = Buffer.concat([relative, slash, Buffer.from(name, 'latin1')])
        attempt(below, () => visit(below))
      }
    }
  }
  attempt(Buffer.alloc(0), () => visit(Buffer.alloc(0)))
  return { ...totals, changed: changed.size, differences }
}

/**
 * When an entry last changed, milliseconds since the epoch; where it is gone, when the directory that had it did. Of
 * one that can't be looked at no change is known.
 */
function changeTime(path: Buffer): number {
  try {
    const found = stat(path)
    if (found !== undefined) return Number(found.ctimeNs / 1_000_000n)
  } catch {
    return 0
  }
  return changeTime(path.subarray(0, path.lastIndexOf(slash)))
}

function stat(path: Buffer): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })
}

function compareAttributes(a: BigIntStats, b: BigIntStats, differ: (what: string) => void): void {
  if (a.mode !== b.mode) differ(`mode ${a.mode.toString(8)} became ${b.mode.toString(8)}`)
  if (a.uid !== b.uid || a.gid !== b.gid) differ(`owner ${a.uid}:${a.gid} became ${b.uid}:${b.gid}`)
  if (keptTime(a.mtimeNs) !== keptTime(b.mtimeNs))
    differ(`modification time ${a.mtimeNs} became ${b.mtimeNs}`)
  if (a.isFile() && a.size !== b.size) differ(`size ${a.size} became ${b.size}`)
  if (a.rdev !== b.rdev) differ(`device ${a.rdev} became ${b.rdev}`)
}

/** The time that a backup has of a file: the nearest that it can hold, which it says. */
function keptTime(timeNs: bigint): bigint {
  return timeNsOf(nearestListableTime(instantOf(timeNs)))
}

/** As latin1, which keeps every byte and is small: a directory may have very many. */
function namesOfBoth(a: Buffer, b: Buffer): Set<string> {
  return new Set([a, b].flatMap((directory) => readdirSync(directory, { encoding: 'latin1' })))
}

function sameContent(a: Buffer, b: Buffer, [bufferA, bufferB]: [Buffer, Buffer]): boolean {
  const fileA = openSync(a, 'r')
  try {
    const fileB = openSync(b, 'r')
    try {
      for (;;) {
        const lengthA = readSync(fileA, bufferA, 0, chunkBytes, null)
        const lengthB = readSync(fileB, bufferB, 0, chunkBytes, null)
        if (lengthA !== lengthB || bufferA.compare(bufferB, 0, lengthB, 0, lengthA) !== 0) return false
        if (lengthA === 0) return true
      }
    } finally {
      closeSync(fileB)
    }
  } finally {
    closeSync(fileA)
  }
}
