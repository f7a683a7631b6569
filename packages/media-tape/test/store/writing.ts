import type { FragmentRecord, FragmentTrailer, MediaStore, MountedMedium, NewFragment } from '@nb/contracts'
import { TAPE_BLOCK_BYTES, type TapeEnd, decodeTapeEnd } from '@nb/formats'
import { collect, seededRandom } from '@nb/test-kit'
import type { TapeRig } from './tape-rig.ts'

/** A fragment of image `client<N>_1767225600`. */
export function fragmentOf(client: number, fields: Partial<NewFragment> = {}): NewFragment {
  return {
    ...{ backupId: `client${client}_1767225600`, client: `client${client}`, copy: 1, number: 1 },
    ...{ streamOffset: 0, startsAtMember: true, policy: 'policy1', schedule: 'full' },
    createdAt: Date.UTC(2026, 0, 1),
    ...fields,
  }
}

export function trailerOf({ backupId }: NewFragment, fields: Partial<FragmentTrailer> = {}): FragmentTrailer {
  return {
    ...{ image: { backupId }, fileList: [Buffer.from('list')], endsAtMember: true, last: true },
    ...fields,
  }
}

/** Bytes that can't be compressed, the same for each seed. */
export function noise(seed: number, byteLength: number): Buffer {
  const random = seededRandom(seed)
  const bytes = Buffer.alloc(byteLength)
  for (let at = 0; at + 4 <= byteLength; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  return bytes
}

/** So many blocks of noise. */
export const blocks = (seed: number, count: number): Buffer => noise(seed, count * TAPE_BLOCK_BYTES)

export function mounted(
  rig: TapeRig,
  purpose: 'read' | 'write',
  store: MediaStore = rig.store,
): Promise<MountedMedium> {
  return store.mount({ allocation: rig.allocationOf(purpose), jobId: '1' })
}

/** Writes a fragment and commits it. */
export async function put(
  medium: MountedMedium,
  fragment: NewFragment,
  payload: Buffer,
): Promise<FragmentRecord> {
  const writer = await medium.createFragment(fragment)
  await writer.write(payload)
  return writer.commit(trailerOf(fragment))
}

/** All of a fragment. */
export async function readAll(
  medium: MountedMedium,
  { backupId, copy }: NewFragment,
  fragment: FragmentRecord,
): Promise<Buffer> {
  const reader = await medium.openFragment({ backupId, copy, fragment })
  const pieces = await collect(copies(reader.read({ offset: 0, bytes: fragment.streamBytes })))
  await reader.close()
  return Buffer.concat(pieces)
}

/** Each valid as long as it is wanted. */
export async function* copies(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk)
}

/** What the volume in the drive ends with, by going through all of its files. */
export async function endOf(rig: TapeRig): Promise<TapeEnd> {
  const medium = await mounted(rig, 'read')
  const drive = rig.drive()
  try {
    await drive.space({ over: 'end-of-data' })
    const { passed } = await drive.space({ over: 'filemarks', count: -2 })
    if (passed !== 2) throw new Error('there are no two filemarks')
    await drive.space({ over: 'blocks', count: -1 })
    const target = Buffer.alloc(TAPE_BLOCK_BYTES)
    await drive.readBlock({ target })
    return decodeTapeEnd(target)
  } finally {
    await medium.unmount()
  }
}
