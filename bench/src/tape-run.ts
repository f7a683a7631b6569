// Moves blocks over iSCSI in a process of its own:
//   node tape-run.ts WORK
// WORK is a TapeWork as JSON. Prints a line of JSON, see TapeWorkTime.

import { type ScsiTransport, systemClock, type TapeDrive } from '@nb/contracts'
import { createIscsiSession, createScsiTapeDrive, parseIscsiUrl, tgtDriveQuirks } from '@nb/media-tape'
import { initiatorName } from './tape/library.ts'
import { openStore } from './tape/store-work.ts'
import type { TapeWork, TapeWorkTime } from './tape/work.ts'

const work = JSON.parse(process.argv[2] ?? '{}') as TapeWork
const { way, url, lun, blockBytes, depth, digests } = work
const { portal, target = '' } = parseIscsiUrl(url)
const clock = systemClock()
const digest = digests ? 'required' : 'off'
const session = createIscsiSession(
  { clock },
  { portal, target, initiatorName, queueDepth: depth, headerDigest: digest, dataDigest: digest },
)
const unit = session.unit(lun)
const blocks = work.bytes / blockBytes
/** Moved before time is taken: a backup goes on for hours, so what compiling our code takes at first is not of interest. */
const warmUpBlocks = Math.min(blocks, Math.ceil((256 * 1024 ** 2) / blockBytes))
const rewind = { cdb: Uint8Array.of(1, 0, 0, 0, 0, 0) }

switch (way) {
  case 'drive-write':
  case 'drive-read':
    await byDrive()
    break
  case 'store-write':
  case 'store-read':
    await byStore()
    break
  default:
    await byTransport()
}
await session.close()

/** By commands alone: each of `depth` runners sends its next command when its last has ended. */
async function byTransport(): Promise<void> {
  // A new session is told of a reset first.
  for (let attempt = 0; attempt < 4; attempt++) await unit.execute({ cdb: Uint8Array.of(0, 0, 0, 0, 0, 0) })
  if (way !== 'disk-read') await expectGood(unit, rewind)
  const buffers = Array.from({ length: depth }, (_, at) => new Uint8Array(blockBytes).fill(at + 1))
  const move = async (count: number): Promise<void> => {
    let next = 0
    const runner = async (buffer: Uint8Array): Promise<void> => {
      for (let at = next++; at < count; at = next++) await expectGood(unit, commandOf(at, buffer))
    }
    await Promise.all(buffers.map(runner))
  }
  await move(warmUpBlocks)
  if (way !== 'disk-read') await expectGood(unit, rewind)
  await timed(() => move(blocks))
}

function commandOf(at: number, buffer: Uint8Array): Parameters<ScsiTransport['execute']>[0] {
  if (way === 'disk-read') {
    const sectors = blockBytes / 512
    const cdb = Buffer.alloc(10)
    cdb[0] = 0x28
    cdb.writeUInt32BE((at * sectors) % ((work.diskBytes ?? blockBytes) / 512), 2)
    cdb.writeUInt16BE(sectors, 7)
    return { cdb, dataIn: buffer }
  }
  const cdb = Buffer.from([way === 'write' ? 0x0a : 0x08, 0, 0, 0, 0, 0])
  cdb.writeUIntBE(blockBytes, 2, 3)
  return way === 'write' ? { cdb, dataOut: buffer } : { cdb, dataIn: buffer }
}

async function expectGood(
  to: ScsiTransport,
  command: Parameters<ScsiTransport['execute']>[0],
): Promise<void> {
  const { status, sense, dataInBytes } = await to.execute(command)
  const whole = status === 0 && (command.dataIn === undefined || dataInBytes === command.dataIn.length)
  if (!whole)
    throw new Error(
      `status ${status}, ${dataInBytes} bytes, sense ${Buffer.from(sense ?? []).toString('hex')}`,
    )
}

/** By the port, as the tape format does. */
async function byDrive(): Promise<void> {
  const drive: TapeDrive = createScsiTapeDrive({ transport: unit, clock }, { quirks: tgtDriveQuirks })
  await drive.load()
  await drive.rewind()
  const buffer = new Uint8Array(blockBytes).fill(7)
  const move = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at++) {
      if (way === 'drive-write') {
        const { written } = await drive.writeBlock({ data: buffer })
        if (!written) throw new Error('the tape is too short')
      } else {
        const { kind } = await drive.readBlock({ target: buffer })
        if (kind !== 'block') throw new Error(`a ${kind} where a block was expected`)
      }
    }
    if (way === 'drive-write') await drive.writeFilemarks({ count: 1 })
  }
  await move(warmUpBlocks)
  await drive.rewind()
  await timed(() => move(blocks))
}

/** In the format, with mounts, checksums and the media manager; opening the store is not counted. */
async function byStore(): Promise<void> {
  const store = await openStore(clock, { url, drive: 'drive2', volumeId: 'NBT002' })
  try {
    await store.read(await store.write(warmUpBlocks * blockBytes))
    if (way === 'store-write') return await timed(async () => void (await store.write(work.bytes)))
    const written = await store.write(work.bytes)
    await timed(() => store.read(written))
  } finally {
    await store.stop()
  }
}

async function timed(run: () => Promise<void>): Promise<void> {
  const used = process.cpuUsage()
  const begun = performance.now()
  await run()
  const wallMs = performance.now() - begun
  const { user, system } = process.cpuUsage(used)
  const took: TapeWorkTime = { wallMs, cpuMs: (user + system) / 1000 }
  console.log(JSON.stringify(took))
}
