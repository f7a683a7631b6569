import { type CallOptions, NbError } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'
import { forEach } from './each.ts'

/** Options of `nb volume pool`. */
export interface VolumePoolOptions extends CallOptions {
  readonly volumeIds: readonly string[]
  readonly pool: string
}

/**
 * `nb volume pool POOL ID...`: moves volumes without images into a pool. Those for which it fails are told, and give 1: `not-found`,
 * `pool-unknown`, `state-conflict` where there are images on it or a job has it.
 */
export async function volumePoolCommand(
  { media }: Pick<Ports, 'media'>,
  { volumeIds, pool, ...call }: VolumePoolOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(volumeIds, output, async (volumeId) => {
    for await (const volume of media.volumes({ volumeId }, call)) {
      if (volume.assignedAt !== undefined)
        throw new NbError(
          'state-conflict',
          `volume ${volumeId} stays in pool ${volume.pool}: there are images on it, nb volume images ${volumeId} lists them`,
          { details: { volumeId, pool: volume.pool } },
        )
      const { scratchPool: _origin, ...moved } = { ...volume, pool }
      await media.putVolume(moved, call)
      return output.json ? output.value(moved) : output.line(printable(`volume ${volumeId}: in pool ${pool}`))
    }
    throw new NbError('not-found', `there is no volume ${volumeId}; nb volumes lists them`, {
      details: { volumeId },
    })
  })
}
