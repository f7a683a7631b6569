import type { CallOptions, Volume, VolumePool } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'

/** `nb pools`: the volume pools, and how many volumes of each are empty, written to, or full. */
export async function poolsCommand(
  { media }: Pick<Ports, 'media'>,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const pools: VolumePool[] = []
  const volumes: Volume[] = []
  for await (const pool of media.pools({}, call)) pools.push(pool)
  if (output.json) {
    for (const pool of pools) await output.value(pool)
    return 0
  }
  for await (const volume of media.volumes({}, call)) volumes.push(volume)
  const count = (pool: VolumePool, fits: (volume: Volume) => boolean): number =>
    volumes.filter((volume) => volume.pool === pool.name && fits(volume)).length
  const empty = ({ assignedAt }: Volume): boolean => assignedAt === undefined
  await output.table(pools, [
    { title: 'POOL', value: (pool) => pool.name, shrinks: true },
    { title: 'SCRATCH', value: (pool) => (pool.scratch ? 'yes' : 'no') },
    { title: 'EMPTY', value: (pool) => count(pool, empty), align: 'right' },
    {
      title: 'WRITTEN TO',
      value: (pool) => count(pool, (volume) => !empty(volume) && volume.state === 'active'),
      align: 'right',
    },
    {
      title: 'OTHERS',
      value: (pool) => count(pool, (volume) => !empty(volume) && volume.state !== 'active'),
      align: 'right',
    },
    {
      title: 'MOST PARTLY FULL',
      spare: 1,
      value: (pool) => pool.maxPartiallyFull ?? 'no limit',
      align: 'right',
    },
  ])
  return 0
}
