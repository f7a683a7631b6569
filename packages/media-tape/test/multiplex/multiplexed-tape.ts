import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import {
  type FragmentRecord,
  type FragmentTrailer,
  NbError,
  type NewFragment,
  type TapeDrive,
} from '@nb/contracts'
import { TAPE_BLOCK_BYTES, encodeTapeLabel, encodeTapeReadme, encodeTapeVolume } from '@nb/formats'
import { type VirtualClock, createVirtualClock } from '@nb/test-kit'
import { createTapeEmulator, type TapeEmulator } from '../../src/emulator/tape-emulator.ts'
import type { TapeEmulatorOptions } from '../../src/emulator/library-options.ts'
import { buildCdb } from '../../src/scsi/cdb.ts'
import { ScsiUnit } from '../../src/scsi/scsi-unit.ts'
import { createScsiTapeDrive } from '../../src/ssc/scsi-tape-drive.ts'
import { BlockReader } from '../../src/fragment/block-reader.ts'
import type { TapeFileStart } from '../../src/multiplex/file-blocks.ts'
import type { ReadVolume } from '../../src/fragment/find-fragment.ts'
import { openFragment } from '../../src/fragment/open-fragment.ts'
import { ReadingTurns } from '../../src/fragment/reading-turns.ts'

export const identity = { volume: 'NB0001', generation: 'g-1' }
const created = '2026-01-02T03:04:05.678Z'

/** A labelled volume in a drive of the emulated library, which stands where its first file of data begins. */
export interface MultiplexedTape {
  readonly emulator: TapeEmulator
  readonly drive: TapeDrive
  readonly clock: VirtualClock
  readonly start: TapeFileStart
  readonly volume: ReadVolume
}

/** What a labelled volume begins with: blocks, and `null` for filemarks. */
export const beginning: readonly (Buffer | null)[] = [
  encodeTapeLabel(identity.volume),
  encodeTapeVolume({ ...identity, pool: 'Default', created }),
  null,
  encodeTapeReadme(created),
  null,
]

export async function loadedTape(
  options: Partial<TapeEmulatorOptions> & {
    readonly damaged?: { readonly reading?: readonly number[]; readonly writing?: readonly number[] }
    readonly earlyWarningBlocks?: number
    readonly capacityBlocks?: number
  } = {},
): Promise<MultiplexedTape> {
  const { damaged, capacityBlocks = 4096, earlyWarningBlocks = 64, ...rest } = options
  const clock = createVirtualClock()
  const sizes = {
    capacityBytes: capacityBlocks * TAPE_BLOCK_BYTES,
    earlyWarningBytes: earlyWarningBlocks * TAPE_BLOCK_BYTES,
  }
  const volumes = [{ name: 'NB0001L8', contents: beginning, ...(damaged === undefined ? {} : { damaged }) }]
  const emulator = createTapeEmulator({ clock }, { slots: 2, drives: 1, ...sizes, volumes, ...rest })
  await emulator.start()
  const cdb = buildCdb('move-medium', { transport: 1, source: 1024, destination: 256 })
  const moved = await new ScsiUnit(emulator.transport('changer'), 'changer', clock).ask({ cdb })
  assert.ok(moved.good)
  const drive = createScsiTapeDrive({ transport: emulator.transport('drive1'), clock }, { name: 'drive1' })
  await drive.load()
  const start = { ...identity, file: 2, object: beginning.length }
  await drive.locate(start)
  const volume = {
    storageUnit: 'tape1',
    identity,
    reader: new BlockReader(drive),
    turns: new ReadingTurns(clock),
  }
  return { emulator, drive, clock, start, volume }
}

/** Bytes that can't be compressed, the same for each seed. */
export function noise(seed: number, byteLength: number): Buffer {
  const key = Buffer.alloc(32)
  key.writeUInt32LE(seed)
  const zeros = Buffer.alloc(byteLength)
  return createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16)).update(zeros)
}

export function newFragment(client: number, fields: Partial<NewFragment> = {}): NewFragment {
  return {
    ...{ backupId: `client${client}_1767225600`, client: `client${client}`, copy: 1, number: 1 },
    ...{ streamOffset: 0, startsAtMember: true, policy: 'policy1', schedule: 'full' },
    createdAt: Date.UTC(2026, 0, 1),
    ...fields,
  }
}

export function trailerOf({ backupId, number }: NewFragment): FragmentTrailer {
  const list = Buffer.from(`files of fragment ${number} of ${backupId}`)
  return { image: { backupId }, fileList: [list], endsAtMember: true, last: true }
}

/** All of a stream, or a range of it. */
export async function readStream(
  volume: ReadVolume,
  fragment: NewFragment,
  record: FragmentRecord,
  range: { readonly offset: number; readonly bytes: number } = { offset: 0, bytes: record.streamBytes },
): Promise<Buffer> {
  const wanted = { backupId: fragment.backupId, copy: fragment.copy, fragment: record }
  const reader = await openFragment(volume, wanted)
  const pieces: Buffer[] = []
  for await (const piece of reader.read(range)) pieces.push(Buffer.from(piece))
  await reader.close()
  return Buffer.concat(pieces)
}

/** The blocks of the tape file that begins at an object, up to its filemark or the end of data. */
export async function blocksFrom(drive: TapeDrive, object: number): Promise<Buffer[]> {
  await drive.locate({ object })
  const blocks: Buffer[] = []
  for (;;) {
    const target = Buffer.alloc(TAPE_BLOCK_BYTES)
    const read = await drive.readBlock({ target })
    if (read.kind !== 'block') return blocks
    assert.equal(read.blockBytes, TAPE_BLOCK_BYTES)
    blocks.push(target)
  }
}

/** Lets whatever can go on go on, for so many rounds. */
export async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round++) await new Promise((resolve) => setImmediate(resolve))
}

/** The end of the volume, kept in memory: what an open volume proves and tells is tested with it. */
export function appendedVolume({ drive }: Pick<MultiplexedTape, 'drive'>, start: TapeFileStart) {
  let place = start
  const seen: string[] = []
  return {
    seen,
    get place() {
      return place
    },
    begin: async (): Promise<TapeFileStart> => {
      if (seen.includes('filled')) throw new NbError('media-end', 'the volume is full')
      await drive.locate(place)
      seen.push(`file ${place.file}`)
      return place
    },
    ended: async ({
      object,
      fragments,
    }: {
      readonly object: number
      readonly fragments: number
    }): Promise<void> => {
      place = { ...place, file: place.file + 1, object }
      seen.push(`${fragments} fragments`)
    },
    filled: () => void seen.push('filled'),
    lost: () => void seen.push('lost'),
  }
}
