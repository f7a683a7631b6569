import { chmod, mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { systemClock } from '@nb/contracts'
import {
  type ArchiveMember,
  encodeTapeEnd,
  encodeTapeLabel,
  encodeTapeReadme,
  encodeTapeVolume,
  FrameIndexWriter,
  TAPE_BLOCK_BYTES,
  tapeBlockChecksum,
} from '@nb/formats'
import { contentFor, streamOf } from '../../../formats/test/support/archive.ts'
import { fragmentFile, multiplexedFile, tapeHeader } from '../../../formats/test/support/tapes.ts'
import { openTapeLibrary, type ScsiTapeDrive } from '../../src/index.ts'

// Writes two tapes for the story `reading` and leaves them in the drives: prepare-reading.ts URL SHARE. What each image holds stands in
// SHARE/source/IMAGE afterwards.

const [url = '', share = ''] = process.argv.slice(2)
const created = new Date().toISOString()
const generation = 'g-1'

/** An image: some files, of sizes around those of blocks, and one that is larger than several. */
async function image(name: string, sizes: readonly number[]): Promise<ReturnType<typeof streamOf>> {
  const members = sizes.map((sizeBytes, index): ArchiveMember => ({
    ...{ path: Buffer.from(`${name}-${index}`), kind: 'file', uid: 0, gid: 0, mode: 0o640 + (index % 8) },
    ...{ sizeBytes, mtimeNs: (1_700_000_000n + BigInt(index)) * 10n ** 9n },
  }))
  await mkdir(join(share, 'source', name), { recursive: true })
  for (const member of members) {
    const path = join(share, 'source', name, member.path.toString())
    await writeFile(path, contentFor(member))
    await chmod(path, member.mode)
    const seconds = Number(member.mtimeNs / 10n ** 9n)
    await utimes(path, seconds, seconds)
  }
  return streamOf(members)
}

function gzipped(stream: Buffer, file: number, identity: { volume: string; generation: string }): Buffer[] {
  const half = Math.floor(stream.length / 1024) * 512
  const frames = [gzipSync(stream.subarray(0, half)), gzipSync(stream.subarray(half))]
  const index = new FrameIndexWriter()
  for (const [at, frame] of frames.entries()) {
    const streamBytes = at === 0 ? half : stream.length - half
    index.add({ storedBytes: frame.length, streamBytes, startsAtMember: at === 0 })
  }
  const payload = Buffer.concat(frames)
  return fragmentFile(tapeHeader({ ...identity, file, compression: 'gzip', backupId: 'client_3' }), payload, {
    ...{ endsAtMemberBoundary: true, lastFragment: true, frames: index.finish() },
    ...{ payloadBytes: stream.length, storedBytes: payload.length },
  })
}

/** Writes a tape from its label to its end. */
async function write(
  drive: ScsiTapeDrive,
  identity: { readonly volume: string; readonly generation: string },
  files: readonly (readonly Buffer[])[],
  nextVolume?: string,
): Promise<void> {
  const last = files.at(-1)?.at(-1) ?? Buffer.alloc(0)
  const end = encodeTapeEnd({
    ...{ ...identity, created, file: 2 + files.length, fragments: files.length },
    ...{ full: nextVolume !== undefined, lastFooter: tapeBlockChecksum(last) },
    ...(nextVolume === undefined ? {} : { nextVolume }),
  })
  const label = [
    encodeTapeLabel(identity.volume),
    encodeTapeVolume({ ...identity, pool: 'Default', created }),
  ]
  for (const blocks of [label, [encodeTapeReadme(created)], ...files, [end]]) {
    for (const data of blocks) await drive.writeBlock({ data })
    await drive.writeFilemarks({ count: 1 })
  }
  await drive.writeFilemarks({ count: 1 })
}

const plain = await image('plain', [1000, 270_000, 900_000, 33, 0, 262_144])
const [one, two, three] = [
  await image('one', [5000]),
  await image('two', [700_000, 12, 333_333]),
  await image('three', [600_000]),
]
const packed = await image('packed', [400_000, 100, 2_000_000])
const spanned = await image('spanned', [100, 3_000_000, 1_000_000, 7])
/** Where it goes on: inside a member, as at the end of a medium. */
const cut = 8 * TAPE_BLOCK_BYTES

const library = await openTapeLibrary(
  { clock: systemClock() },
  { library: url, initiatorName: 'iqn.2026-11.example.nb:writer' },
)
for (const number of [1, 2]) {
  await library.robot.robot.move({ from: { kind: 'slot', number }, to: { kind: 'drive', number } })
  await library.drives[number - 1]?.drive.load()
}
const [first, second] = library.drives.map(({ drive }) => drive)
if (first === undefined || second === undefined) throw new Error('the library has not two drives')

const volume1 = { volume: 'NBT001', generation }
const volume2 = { volume: 'NBT002', generation }
const spanning = (
  volume: typeof volume1,
  file: number,
  fragment: number,
  more: Parameters<typeof tapeHeader>[0],
) => tapeHeader({ ...volume, file, fragment, backupId: 'client_4', created, ...more })
await write(
  first,
  volume1,
  [
    fragmentFile(tapeHeader({ ...volume1, file: 2, created }), plain.stream, {
      ...{ endsAtMemberBoundary: true, lastFragment: true },
    }),
    multiplexedFile([one.stream, two.stream, three.stream], 3),
    gzipped(packed.stream, 4, volume1),
    fragmentFile(spanning(volume1, 5, 1, {}), spanned.stream.subarray(0, cut), {
      ...{ endsAtMemberBoundary: false, lastFragment: false },
    }),
  ],
  'NBT002',
)
const rest = { streamOffset: cut, startsAtMemberBoundary: false, previousVolume: 'NBT001' }
await write(second, volume2, [
  fragmentFile(spanning(volume2, 2, 2, rest), spanned.stream.subarray(cut), {
    ...{ endsAtMemberBoundary: true, lastFragment: true },
  }),
])
for (const drive of [first, second]) await drive.rewind()
await library.close()
