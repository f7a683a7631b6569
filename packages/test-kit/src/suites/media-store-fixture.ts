import assert from 'node:assert/strict'
import {
  type Allocation,
  type ErrorCode,
  type FragmentReader,
  type FragmentRecord,
  type FragmentTrailer,
  type MediaStore,
  type MountedMedium,
  NbError,
  type NewFragment,
  type StoredImage,
} from '@nb/contracts'
import { seededRandom } from '../fault-plan.ts'

/** What the suite of `MediaStore` works on: one storage unit with nothing on it. */
export interface MediaStoreFixture {
  readonly store: MediaStore
  /** An allocation of this storage unit. */
  readonly allocation: (purpose: Allocation['purpose']) => Allocation
  /** The store as a new process finds it: what was open is gone without a word. */
  readonly reopen: () => Promise<MediaStore>
  /** Flips one bit of the payload of a committed fragment, at this offset of it as it is stored. */
  readonly damage: (input: {
    readonly backupId: string
    readonly copy: number
    readonly number: number
    readonly offset: number
  }) => Promise<void>
}

/**
 * What a store may declare not to do: `removal`, where nothing can be taken off a medium, nor be listed without mounting it (tape); `numbers`,
 * where a medium is not searched for a fragment of the same number before it is written.
 */
export type MediaStoreLack = 'removal' | 'numbers'

/** Adds a test of the suite. */
export type Check = (name: string, body: (fixture: MediaStoreFixture) => Promise<void>) => void

/** The image whose fragments are written. */
export const backupId = 'client1_1767225600'

/** Fragment 1 of a copy. */
export function newFragment(): NewFragment {
  return {
    backupId,
    copy: 1,
    number: 1,
    streamOffset: 0,
    startsAtMember: true,
    client: 'client1',
    policy: 'policy1',
    schedule: 'full',
    createdAt: Date.UTC(2026, 0, 1),
  }
}

/** The trailer of an image's last fragment. */
export function trailer(): FragmentTrailer {
  return { image: { backupId }, fileList: [Buffer.from('list')], endsAtMember: true, last: true }
}

/** Mounts the medium to write or to read. */
export function mount(fixture: MediaStoreFixture, flow: 'backup' | 'restore'): Promise<MountedMedium> {
  const allocation = fixture.allocation(flow === 'backup' ? 'write' : 'read')
  return fixture.store.mount({ allocation, jobId: allocation.jobId, flow })
}

/** What a record tells whatever the medium is. */
export function ofStream({
  number,
  streamOffset,
  streamBytes,
  wholeMembers,
  storedBytes,
}: FragmentRecord): Partial<FragmentRecord> {
  return {
    ...{ number, streamOffset, streamBytes, wholeMembers },
    ...(storedBytes === undefined ? {} : { storedBytes }),
  }
}

/** Writes a fragment in chunks of these sizes, in turn. */
export async function store(
  fixture: MediaStoreFixture,
  what: {
    readonly payload: Buffer
    readonly chunks?: readonly number[]
    readonly fragment?: Partial<NewFragment>
    readonly trailer?: Partial<FragmentTrailer>
  },
): Promise<FragmentRecord> {
  const medium = await mount(fixture, 'backup')
  try {
    const writer = await medium.createFragment({ ...newFragment(), ...what.fragment })
    const chunks = what.chunks ?? [what.payload.length]
    for (let at = 0, turn = 0; at < what.payload.length; turn++) {
      const length = Math.max(1, chunks[turn % chunks.length] ?? 1)
      await writer.write(what.payload.subarray(at, at + length))
      at += length
    }
    const record = await writer.commit({ ...trailer(), ...what.trailer })
    const left = (writer.left ?? []).map((piece) => ('stored' in piece ? piece.stored : piece))
    const kept = what.payload.subarray(0, record.streamBytes)
    assert.ok(Buffer.concat([kept, ...left]).equals(what.payload), 'all is in the fragment, or is left')
    if (what.trailer?.endsAtMember !== false) assert.equal(left.length, 0)
    return record
  } finally {
    await medium.unmount()
  }
}

/** Opens a fragment for a while. */
export async function withReader(
  fixture: MediaStoreFixture,
  record: FragmentRecord,
  body: (reader: FragmentReader) => Promise<void>,
  id: string = backupId,
): Promise<void> {
  const medium = await mount(fixture, 'restore')
  try {
    const reader = await medium.openFragment({ backupId: id, copy: 1, fragment: record })
    await body(reader).finally(() => reader.close())
  } finally {
    await medium.unmount()
  }
}

/** All of a fragment's payload. */
export async function readBack(
  fixture: MediaStoreFixture,
  record: FragmentRecord,
  id?: string,
): Promise<Buffer> {
  let all: Buffer = Buffer.alloc(0)
  const body = async (reader: FragmentReader): Promise<void> => {
    all = await collect(reader.read({ offset: 0, bytes: record.streamBytes }))
  }
  await withReader(fixture, record, body, id)
  return all
}

/** All chunks as one. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const chunk of chunks) pieces.push(Buffer.from(chunk))
  return Buffer.concat(pieces)
}

/** What the store tells of its images, in order. */
export async function listed(fixture: MediaStoreFixture): Promise<StoredImage[]> {
  const found: StoredImage[] = []
  for await (const image of fixture.store.storedImages()) found.push(image)
  return found.sort((a, b) => a.backupId.localeCompare(b.backupId) || a.copy - b.copy)
}

/** Bytes that can't be compressed, the same for each seed. */
export function noise(seed: number, byteLength: number): Buffer {
  const random = seededRandom(seed)
  const bytes = Buffer.alloc(byteLength)
  for (let at = 0; at + 4 <= byteLength; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  return bytes
}

/** The error with which a call is refused. */
export async function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<NbError> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof NbError, String(error))
    assert.equal(error.code, code, error.message)
    return error
  }
  return assert.fail(`not rejected with ${code}`)
}
