import { constants } from 'node:os'

const names = new Map<number, string>()
for (const [name, number] of Object.entries(constants.errno)) {
  // Two names share one number (EAGAIN/EWOULDBLOCK, ENOTSUP/EOPNOTSUPP): the first listed is kept.
  if (!names.has(number)) names.set(number, name)
}

/** The name of an errno value (`2` → `'ENOENT'`), or `errno N` where the platform gives it no name. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`
}

/**
 * A system call that failed. `code` is the errno's name as Node's own errors carry it, so that
 * `error.code === 'ENOENT'` reads the same whoever made the call.
 */
export class PosixError extends Error {
  override readonly name: string = 'PosixError'
  /** The errno's name, such as `ENOENT`. */
  readonly code: string
  /** The errno as the kernel gave it (positive). */
  readonly errno: number
  /** The system call. */
  readonly syscall: string

  constructor(syscall: string, errno: number, subject?: string) {
    const code = errnoName(errno)
    super(subject === undefined ? `${syscall}: ${code}` : `${syscall}: ${code} (${subject})`)
    this.code = code
    this.errno = errno
    this.syscall = syscall
  }
}

/** The errno name of a failed system call, ours or Node's; `undefined` for any other error. */
export function errnoCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
