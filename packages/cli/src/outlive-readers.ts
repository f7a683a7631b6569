import type { Writable } from 'node:stream'

/**
 * Lets a program go on whose output nobody reads any more (`nb jobs | head`): what it prints from then on is lost, what it does is not.
 * For streams of the process, for good: the error of a last write comes when the program thinks itself at its end. Other errors throw.
 */
export function outliveReaders(...streams: readonly Pick<Writable, 'on'>[]): void {
  for (const stream of streams)
    stream.on('error', (error) => {
      if (!isBrokenPipe(error)) throw error
    })
}

/** Whether a write failed because the reader has left. */
export function isBrokenPipe(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EPIPE'
}
