import { type CallOptions, NbError } from '@nb/contracts'
import type { Ports } from '@nb/remote'

/** Rejects with `storage-unit-unknown` for a storage unit that is not there, before anything is started for it. */
export async function checkUnit(
  { media }: Pick<Ports, 'media'>,
  name: string,
  call: CallOptions,
): Promise<void> {
  for await (const _ of media.storageUnits({ name }, call)) return
  throw new NbError(
    'storage-unit-unknown',
    `there is no storage unit ${name}; nb storage lists what there is`,
    {
      details: { storageUnit: name },
    },
  )
}
