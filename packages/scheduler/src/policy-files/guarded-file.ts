import { createHash } from 'node:crypto'
import type { Files } from '@nb/contracts'

/** What tells the contents of files apart. */
export function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/**
 * `done`, or `differs`: what stood there was not what was expected, or something came in between; then that stands there
 * still, and nothing was changed.
 */
export type GuardedResult = 'done' | 'differs'

/** A change of a file that somebody may be saving at the same moment. */
export interface GuardedChange {
  readonly files: Files
  /** The file, absolute. */
  readonly path: string
  /** The hash of what is to stand there before; absent for a file that is not to be there. */
  readonly expected: string | undefined
}

/**
 * Puts new content in the place of what is expected there, and of nothing else. The file that was there is set aside under
 * another name ({@link asidePath}) and stays there until {@link settleAside}, since an editor may have it open still and
 * write to it; the new one has its owner and permissions. A name is never taken over: what appears in between stays.
 */
export async function replaceGuarded(
  { files, path, expected }: GuardedChange,
  content: Uint8Array,
): Promise<GuardedResult> {
  const temporary = `${path}.tmp`
  await files.remove(temporary)
  const file = await files.open(temporary, 'create')
  try {
    await file.write(content, 0)
    await file.sync()
  } finally {
    await file.close()
  }
  const isFree = expected === undefined || (await setAside({ files, path, expected }))
  if (isFree && expected !== undefined) await files.takeOwner(temporary, asidePath(path))
  const isPut = isFree && (await linkNew(files, temporary, path))
  await files.remove(temporary)
  await files.syncDirectory(folderOf(path))
  return isPut ? 'done' : 'differs'
}

/** Takes away what is expected there, and nothing else; it is set aside as by {@link replaceGuarded}. */
export async function removeGuarded({ files, path, expected }: GuardedChange): Promise<GuardedResult> {
  const isAside = expected === undefined || (await setAside({ files, path, expected }))
  await files.syncDirectory(folderOf(path))
  return isAside ? 'done' : 'differs'
}

/** Where a file is set aside while another takes its place. */
export function asidePath(path: string): string {
  return `${folderOf(path)}/.${path.slice(path.lastIndexOf('/') + 1)}.before`
}

/** The name of the file that was set aside under this name, or `undefined` when it is no such name. */
export function setAsideName(name: string): string | undefined {
  return /^\.(.+)\.before$/.exec(name)?.[1]
}

/** What is known of a file that was set aside. */
export interface AsideFacts {
  readonly files: Files
  /** The file that it was, absolute. */
  readonly path: string
  /** Hashes of what is known, so that it need not be kept. */
  readonly known: readonly string[]
  /** Whether the change was completed; if not, a file that is missing is put back. */
  readonly isComplete: boolean
}

/**
 * Finishes what was set aside: puts it back where a crash left its place empty, removes what is known, and keeps what was
 * saved into it meanwhile as `FILE.edited`, whose path it gives.
 */
export async function settleAside({
  files,
  path,
  known,
  isComplete,
}: AsideFacts): Promise<string | undefined> {
  const aside = asidePath(path)
  const content = await files.readFile(aside)
  if (content === undefined) return undefined
  let kept: string | undefined
  if (isComplete || !(await linkNew(files, aside, path))) {
    const present = await files.readFile(path)
    const isKnown = known.includes(hashOf(content)) || present?.equals(content) === true
    if (!isKnown) kept = await keepEdited(files, aside, path)
  }
  await files.remove(aside)
  await files.syncDirectory(folderOf(path))
  return kept
}

async function keepEdited(files: Files, aside: string, path: string): Promise<string> {
  for (let turn = 1; ; turn++) {
    const kept = `${path}.edited${turn === 1 ? '' : `.${turn}`}`
    if (await linkNew(files, aside, kept)) return kept
  }
}

/** Whether the file that was there was the expected one; any other is put back, as is none. */
async function setAside({ files, path, expected }: GuardedChange): Promise<boolean> {
  const aside = asidePath(path)
  try {
    await files.rename(path, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
  const content = await files.readFile(aside)
  if (content !== undefined && hashOf(content) === expected) return true
  // Where another took the place meanwhile, that one was saved later.
  await linkNew(files, aside, path)
  await files.remove(aside)
  return false
}

/** Gives a file a name that is free; whether it was. */
async function linkNew(files: Files, from: string, to: string): Promise<boolean> {
  try {
    await files.link(from, to)
    return true
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST') return false
    if (code === undefined || !withoutLinks.has(code)) throw error
  }
  // A file system without second names: all that can be done there is to look right before.
  if ((await files.stat(to)) !== undefined) return false
  await files.rename(from, to)
  return true
}

const withoutLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}
