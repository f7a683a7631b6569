import { type CallOptions, counted, NbError } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach, given } from './each.ts'

/** Options of `nb copies --promote-on`. */
export interface PromoteOnOptions extends CallOptions {
  /** The storage unit whose copies become the primary ones. */
  readonly storageUnit: string
  /** Only images of this client. @default all clients */
  readonly client?: string
  /** Only images of this policy. @default all policies */
  readonly policy?: string
}

/**
 * `nb copies --promote-on UNIT`: makes the copies on a storage unit the primary ones of all images that have one there; tells how many.
 * Rejects with `not-found` where no image has one. Saying it again does the rest.
 */
export async function promoteOnCommand(
  { catalog }: Pick<Ports, 'catalog'>,
  { storageUnit, client, policy, ...call }: PromoteOnOptions,
  output: Output,
): Promise<ExitCode> {
  // All are looked at before any is changed, so that the list does not move below the reader.
  const wanted = new Map<string, number>()
  let before = 0
  let without = 0
  for await (const image of catalog.listImages(
    { ...given('client', client), ...given('policy', policy) },
    call,
  )) {
    const copy = image.copies.find((each) => each.storageUnit === storageUnit)
    if (copy === undefined) without += 1
    else if (copy === image.copies[0]) before += 1
    else wanted.set(image.backupId, copy.copy)
  }
  if (wanted.size + before === 0)
    throw new NbError(
      'not-found',
      `none of ${counted(without, 'image')} has a copy on storage unit ${storageUnit}; nb copies lists where they are`,
    )
  let promoted = 0
  const exitCode = await forEach([...wanted.keys()], output, async (backupId) => {
    await catalog.promoteCopy({ backupId, copy: wanted.get(backupId) ?? 0 }, call)
    promoted += 1
  })
  if (output.json) await output.value({ storageUnit, promoted, before, without })
  else {
    await output.line(
      `${counted(promoted, 'image')} restored from ${storageUnit} from now on, ${before} before`,
    )
    if (without > 0) output.note(`${counted(without, 'image')} without a copy on ${storageUnit}: as before`)
  }
  return exitCode
}
