import { randomUUID } from 'node:crypto'
import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { tellStarted } from './backup.ts'
import { forEach } from './each.ts'

/** Options of `nb expire`. */
export interface ExpireOptions extends CallOptions {
  /** Images by id. */
  readonly images: readonly string[]
  /** Also those whose data other images need, which then no longer restore whole. @default false */
  readonly force?: boolean
  /** Wait until what they take is given back. @default false */
  readonly wait?: boolean
}

/**
 * `nb expire IMAGE...`: ends the lives of images and starts a clean-up that gives back what they take. Those for which it fails are
 * told (`image-unknown`, `image-needed`, `state-conflict`), the others go.
 */
export async function expireCommand(
  { catalog, jobs }: Pick<Ports, 'catalog' | 'jobs'>,
  { images, force = false, wait = false, ...call }: ExpireOptions,
  output: Output,
): Promise<ExitCode> {
  let expired = 0
  const exitCode = await forEach(images, output, async (backupId) => {
    await catalog.expireImage({ backupId, force }, call)
    expired += 1
    output.note(`${backupId} is expired; the clean-up removes what it takes`)
  })
  if (expired === 0) return exitCode
  const { jobId } = await jobs.submit(
    { requestId: randomUUID(), type: 'image-cleanup', origin: 'immediate', lines: [] },
    call,
  )
  const ended = await tellStarted(jobs, [jobId], wait, call, output)
  return ended > exitCode ? ended : exitCode
}
