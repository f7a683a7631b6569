import type { CallOptions, VolumePool } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { given } from './each.ts'

/** Options of `nb pool set`. */
export interface PoolSetOptions extends CallOptions {
  readonly name: string
  /** Other pools take empty volumes from it. @default as it is; not for a new one */
  readonly scratch?: boolean
  /** Most volumes of it that are partly full at once; `'none'` takes the limit away. @default as it is; no limit for a new one */
  readonly maxPartlyFull?: number | 'none'
}

/** `nb pool set NAME`: adds a volume pool, or changes one. Rejects with `state-conflict` for a second scratch pool. */
export async function poolSetCommand(
  { media }: Pick<Ports, 'media'>,
  { name, scratch, maxPartlyFull, ...call }: PoolSetOptions,
  output: Output,
): Promise<ExitCode> {
  let before: VolumePool = { name, scratch: false }
  for await (const pool of media.pools({ name }, call)) before = pool
  const most = maxPartlyFull ?? before.maxPartiallyFull
  const pool: VolumePool = {
    name,
    scratch: scratch ?? before.scratch,
    ...given('maxPartiallyFull', most === 'none' ? undefined : most),
  }
  await media.putPool(pool, call)
  if (output.json) await output.value(pool)
  else
    await output.line(
      `pool ${name}: ${pool.scratch ? 'scratch, ' : ''}${pool.maxPartiallyFull === undefined ? 'no limit' : `at most ${pool.maxPartiallyFull}`} of partly full volumes`,
    )
  return 0
}
