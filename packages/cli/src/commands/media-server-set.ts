import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { given } from './each.ts'
import { knownMediaServer } from './media-servers.ts'

/** Options of `nb media-server set`. */
export interface MediaServerSetOptions extends CallOptions {
  readonly name: string
  /** Most jobs that move data through it at once; `'none'` takes the limit away. */
  readonly maxJobs: number | 'none'
}

/** `nb media-server set NAME --max-jobs N`: throttles a media server. Rejects with `media-server-unknown`. */
export async function mediaServerSetCommand(
  { media }: Pick<Ports, 'media'>,
  { name, maxJobs, ...call }: MediaServerSetOptions,
  output: Output,
): Promise<ExitCode> {
  const { maxConcurrentJobs: _before, ...server } = await knownMediaServer({ media }, name, call)
  const changed = { ...server, ...given('maxConcurrentJobs', maxJobs === 'none' ? undefined : maxJobs) }
  await media.putMediaServer(changed, call)
  if (output.json) await output.value(changed)
  else
    await output.line(
      `media server ${name}: ${maxJobs === 'none' ? 'no limit' : `at most ${maxJobs} at once`}`,
    )
  return 0
}
