import type { Path } from '@nb/contracts'
import { AT, O } from '../posix/constants.ts'
import type { FileStat } from '../posix/file-stat.ts'
import { errnoCodeOf } from '../posix/posix-error.ts'
import { isSameFile } from './identity.ts'
import type { NameList } from './name-list.ts'
import type { ReadCalls } from './read-calls.ts'
import type { Standing } from './selection.ts'

/** A directory on the way down, between its first and its last entry. */
export interface Frame {
  /** Absolute path as raw bytes. */
  readonly path: Buffer
  /** Its name in the directory above; for a root the whole path. */
  readonly name: Buffer
  readonly stat: FileStat
  /** The decoded names along the path, when patterns want them. */
  readonly names: readonly Path[]
  readonly standing: Standing
  /** Names of its entries, sorted. */
  readonly entries: NameList
  /** On the way to a selection that lies behind a mount point: nothing else is visited here. */
  readonly toward: boolean
  /** Index of the next entry. */
  next: number
  /** Its descriptor; `undefined` when it could not be opened, or was given up for now. */
  fd: number | undefined
  /** False while the directory is left out unless something below it is brought back. */
  visited: boolean
}

// Descriptors that are kept open: of the deepest 128 directories and of every 64th above them, so that a way back
// up a tree thousands of levels deep never opens more than 64 directories anew.
const OPEN_DEPTH = 128
const OPEN_EVERY = 64

/** Flags that open a directory and nothing else, and never wait. */
export const DIRECTORY_FLAGS: number = O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.NONBLOCK

/** The directories from a root down to where the walk is, with a bounded number of them open. */
export class DirectoryStack {
  readonly #calls: ReadCalls
  readonly #frames: Frame[] = []
  #unvisited = 0

  constructor(calls: ReadCalls) {
    this.#calls = calls
  }

  /** The directory the walk is in. */
  get top(): Frame | undefined {
    return this.#frames.at(-1)
  }

  /** How many wait for their visit: always the deepest. */
  get unvisited(): number {
    return this.#unvisited
  }

  push(frame: Frame): void {
    this.#frames.push(frame)
    if (!frame.visited) this.#unvisited++
    const depth = this.#frames.length - 1 - OPEN_DEPTH
    const far = this.#frames[depth]
    // One that is yet to be visited needs its descriptor for its attributes.
    if (far?.visited === true && depth % OPEN_EVERY !== 0) this.#close(far)
  }

  /** Leaves the deepest directory. */
  pop(): void {
    const frame = this.#frames.pop()
    if (frame === undefined) return
    frame.entries.release()
    this.#close(frame)
    if (!frame.visited) this.#unvisited--
  }

  /** Leaves all. */
  clear(): void {
    while (this.#frames.length > 0) this.pop()
  }

  /** Calls `visit` for each directory that waits for its visit, from the top down. */
  visitWaiting(visit: (frame: Frame, above: Frame | undefined) => void): void {
    if (this.#unvisited === 0) return
    this.#frames.forEach((frame, depth) => {
      if (frame.visited) return
      visit(frame, this.#frames[depth - 1])
      frame.visited = true
      this.#unvisited--
    })
  }

  /**
   * The descriptor of the deepest directory, opened anew from the nearest open one above where it was given up.
   *
   * @returns `undefined` when another directory is found in its place.
   */
  descriptor(): number | undefined {
    const top = this.#frames.length - 1
    let depth = top
    while (depth > 0 && this.#frames[depth]?.fd === undefined) depth--
    for (; depth <= top; depth++) {
      const frame = this.#frames[depth] as Frame
      if (frame.fd !== undefined) continue
      const above = this.#frames[depth - 1]
      const name = above === undefined ? frame.path : frame.name
      frame.fd = openQuietly(this.#calls, above?.fd ?? AT.FDCWD, name, DIRECTORY_FLAGS)
      if (above?.visited === true && (depth - 1) % OPEN_EVERY !== 0) this.#close(above)
      if (!isSameFile(this.#calls.statFd(frame.fd), frame.stat)) return undefined
    }
    return this.top?.fd
  }

  #close(frame: Frame): void {
    if (frame.fd === undefined) return
    this.#calls.close(frame.fd)
    frame.fd = undefined
  }
}

/** Opens without touching the access time where that is allowed: to the owner and root only. */
export function openQuietly(calls: ReadCalls, directory: number, name: Uint8Array, flags: number): number {
  try {
    return calls.open(directory, name, flags | O.NOATIME)
  } catch (error) {
    if (errnoCodeOf(error) !== 'EPERM') throw error
    return calls.open(directory, name, flags)
  }
}
