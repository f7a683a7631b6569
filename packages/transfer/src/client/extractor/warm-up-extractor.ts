import type { Clock } from '@nb/contracts'
import { type ArchiveMember, encodeMember, FileListEncoder, paddingOf } from '@nb/formats'
import { O, S_IF } from '../../posix/constants.ts'
import { FileStat, STATX_BYTES } from '../../posix/file-stat.ts'
import type { Posix } from '../../posix/posix.ts'
import { encodeRangeFrame, RANGE_FRAME_BYTES } from '../../range-frame.ts'
import { type BlockPipe, createBlockPipe, openBlockPipe } from '../block-pipe.ts'
import { WorkerReporter } from '../worker-reporter.ts'
import { noExtractionState } from './extraction-state.ts'
import { runExtractor, type ExtractorPipes } from './run-extractor.ts'
import { UNFINISHED_DIRECTORY_MODE } from './unfinished-directory.ts'
import { UNFINISHED_FILE_MODE } from './unfinished-file.ts'
import {
  makeFailureTable,
  OP_BLOCK_BYTES,
  OP_BLOCKS,
  type SharedWriteBehind,
  WriteBehind,
} from './write-behind.ts'

/** Restores that are run in all, and what each of them restores; more bring little. */
const ROUNDS = 120
const DIRECTORIES = 10
const FILES = 20
const FILE_BYTES = 1000
const PIECE_BYTES = 64 * 1024

/**
 * Restores a small tree of its own again and again, so that the engine has compiled the extractor before there is work. The system
 * calls of these restores do nothing: no file is made or opened, and nothing is kept.
 *
 * @returns a step at a time, a few milliseconds each
 */
export function* warmUpExtractor(clock: Pick<Clock, 'now'>): Generator<undefined, void> {
  const { plan, data } = smallTree()
  const calls = callsForNothing()
  // Two kinds in turn: otherwise they themselves would be compiled in, and thrown out again when real calls come.
  const bound = Object.fromEntries(Object.entries(calls).map(([name, call]) => [name, call.bind(undefined)]))
  // Once for all of them: what is shared is not collected as soon as it is not used any more.
  const { shared: ops } = createBlockPipe({ blocks: OP_BLOCKS, blockBytes: OP_BLOCK_BYTES })
  const shared = { ops, failures: makeFailureTable() }
  for (let round = 0; round < ROUNDS; round++) {
    yield
    restoreOnce(
      clock,
      plan,
      new NothingBehind(shared, data),
      data,
      (round % 2 === 0 ? calls : bound) as unknown as Posix,
    )
  }
}

function restoreOnce(
  clock: Pick<Clock, 'now'>,
  plan: Buffer,
  behind: WriteBehind,
  memory: SharedArrayBuffer,
  posix: Posix,
): void {
  const pipes: ExtractorPipes = {
    plan: pieces(plan),
    data: pieces(Buffer.from(memory), () => behind.hurry()),
  }
  const reporter = new WorkerReporter(
    () => undefined,
    () => clock.now(),
  )
  const spec = { root: Buffer.from('/'), ifExists: 'fail', last: true, state: noExtractionState } as const
  runExtractor(spec, pipes, { clock, reporter, posix, behind })
}

/** Has no writer: all that it is told is done. */
class NothingBehind extends WriteBehind {
  readonly #writer: BlockPipe

  constructor(shared: SharedWriteBehind, memory: SharedArrayBuffer) {
    super(shared, memory)
    this.#writer = openBlockPipe(shared.ops)
  }

  override hurry(): void {
    super.hurry()
    while (this.#writer.published > 0) this.#writer.release()
  }
}

/** Gives some bytes piece by piece. */
function pieces(bytes: Buffer, before: () => void = () => undefined): ExtractorPipes['data'] {
  let at = 0
  const takeSync = (): Buffer | undefined => {
    before()
    const piece = bytes.subarray(at, (at += PIECE_BYTES))
    return piece.length === 0 ? undefined : piece
  }
  return {
    takeSync,
    takeAheadSync: takeSync,
    release: () => undefined,
    throwIfAborted: () => undefined,
  }
}

/** A plan, and the data for it. */
function smallTree(): { readonly plan: Buffer; readonly data: SharedArrayBuffer } {
  const list = new FileListEncoder({ images: ['warm-up'] })
  const lists = [list.header()]
  const members: Buffer[] = []
  let memberOffset = 0
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  const times = { mtimeNs: 1_700_000_000_123_456_789n, atimeNs: 1_700_000_001_123_456_789n }
  const add = (path: string, kind: ArchiveMember['kind'], mode: number, sizeBytes = 0, more = {}): void => {
    const entry = { kind, mode, sizeBytes, ...owner, ...times, ...more }
    const parts = [
      encodeMember({ ...entry, path: Buffer.from(path) }),
      Buffer.alloc(sizeBytes + paddingOf(sizeBytes), 'x'),
    ]
    const memberBytes = parts.reduce((sum, { length }) => sum + length, 0)
    const batch = list.add({
      ...entry,
      path: Buffer.from(`/${path}`),
      ctimeNs: times.mtimeNs,
      identity: { device: 1n, inode: BigInt(memberOffset) },
      linkCount: 1,
      imageIndex: 0,
      memberOffset,
      memberBytes,
      flags: 0,
    })
    if (batch !== undefined) lists.push(batch)
    members.push(...parts)
    memberOffset += memberBytes
  }
  for (let directory = 0; directory < DIRECTORIES; directory++) {
    const path = `${String(directory).padStart(3, '0')}`
    add(path, 'directory', 0o755)
    for (let file = 0; file < FILES; file++)
      add(`${path}/${String(file).padStart(3, '0')}`, 'file', 0o644, FILE_BYTES + file)
    add(`${path}/attributes`, 'file', 0o600, 0, {
      xattrs: [{ name: Buffer.from('user.a'), value: Buffer.from('b') }],
    })
    add(`${path}/big`, 'file', 0o600, PIECE_BYTES)
    add(`${path}/link`, 'symlink', 0o777, 0, { linkTarget: Buffer.from('000') })
  }
  lists.push(list.flush() ?? Buffer.alloc(0))
  const frame = Buffer.alloc(RANGE_FRAME_BYTES)
  encodeRangeFrame({ imageIndex: 0, streamOffset: 0, bytes: memberOffset }, frame)
  const data = new SharedArrayBuffer(RANGE_FRAME_BYTES + memberOffset)
  Buffer.concat([frame, ...members]).copy(Buffer.from(data))
  return { plan: Buffer.concat(lists), data }
}

const DIRECTORY_FD = 1_000_000
const FILE_FD = 1_000_001
const LINK_FD = 1_000_002

/** The calls that a restore to an empty directory makes. They find what a restore expects, and do nothing. */
function callsForNothing(): Partial<Posix> {
  const directory = statOf(S_IF.DIRECTORY | UNFINISHED_DIRECTORY_MODE)
  const file = statOf(S_IF.REGULAR | UNFINISHED_FILE_MODE)
  const link = statOf(S_IF.SYMLINK | 0o777)
  return {
    open: (_directory, _name, flags) =>
      (flags & O.DIRECTORY) !== 0 ? DIRECTORY_FD : (flags & O.PATH) !== 0 ? LINK_FD : FILE_FD,
    openBeneath: () => DIRECTORY_FD,
    tryOpen: () => FILE_FD,
    statFd: (fd) => (fd === DIRECTORY_FD ? directory : fd === FILE_FD ? file : link),
    readDirectory: () => [],
    getAttributeAt: () => undefined,
    writePartAt: () => undefined,
    writeAt: () => undefined,
    close: () => undefined,
    makeDirectory: () => undefined,
    symlink: () => undefined,
    rename: () => undefined,
    chown: () => undefined,
    chmodFd: () => undefined,
    setTimesFd: () => undefined,
    setAttributeFd: () => undefined,
    chmodAt: () => undefined,
    setTimes: () => undefined,
    setTimesPath: () => undefined,
    setInstantsFd: () => undefined,
  }
}

function statOf(mode: number): FileStat {
  const words = new Uint32Array(STATX_BYTES / Uint32Array.BYTES_PER_ELEMENT)
  words[7] = mode
  words[5] = process.geteuid?.() ?? 0
  words[6] = process.getegid?.() ?? 0
  return new FileStat(words)
}
