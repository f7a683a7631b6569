import type { ScsiTransport } from '@nb/contracts'
import { createVirtualClock, type VirtualClock } from '@nb/test-kit'
import type { CartridgeStore } from '../../src/emulator/medium/cartridge.ts'
import type { TapeEmulatorOptions } from '../../src/emulator/library-options.ts'
import { createTapeEmulator, type TapeEmulator } from '../../src/emulator/tape-emulator.ts'
import type { CdbFields, CdbName } from '../../src/scsi/cdb-fields.ts'
import { cdbLayouts } from '../../src/scsi/cdb-layouts.ts'
import { buildCdb } from '../../src/scsi/cdb.ts'
import { parseSense, type SenseData } from '../../src/scsi/sense.ts'

/** How a command ended, in short: `good`, `busy`, `conflict`, or key/asc/ascq in hexadecimal. */
export interface Sent {
  readonly end: string
  readonly sense?: SenseData
  readonly data: Buffer
  readonly dataOutBytes: number
}

export interface SendOptions {
  readonly dataOut?: Uint8Array
  readonly inBytes?: number
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

const ends: Readonly<Record<number, string>> = { 0: 'good', 8: 'busy', 0x18: 'conflict', 0x40: 'aborted' }
const hex = (value: number): string => value.toString(16).padStart(2, '0')

/** Sends one command. */
export async function send<Name extends CdbName>(
  transport: ScsiTransport,
  command: Name,
  fields: Partial<CdbFields[Name]> = {},
  { dataOut, inBytes = 4096, signal, timeoutMs }: SendOptions = {},
): Promise<Sent> {
  const target = Buffer.alloc(inBytes)
  const hasLength = 'allocationLength' in cdbLayouts[command].fields && command !== 'read-position'
  const most = command.endsWith('-6') || command === 'request-sense' ? 255 : 65_535
  const length = hasLength ? { allocationLength: Math.min(most, inBytes) } : {}
  const cdb = buildCdb(command, { ...length, ...fields })
  const result = await transport.execute(
    {
      cdb,
      ...(dataOut === undefined ? { dataIn: target } : { dataOut }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    },
    signal === undefined ? {} : { signal },
  )
  const sense = result.sense === undefined ? undefined : parseSense(result.sense)
  return {
    end:
      sense === undefined
        ? (ends[result.status] ?? `status ${result.status}`)
        : `${sense.key.toString(16)}/${hex(sense.asc)}/${hex(sense.ascq)}`,
    ...(sense === undefined ? {} : { sense }),
    data: target.subarray(0, result.dataInBytes),
    dataOutBytes: result.dataOutBytes,
  }
}

/** Makes a library with one drive, which is told nothing new any more and holds volume 1 loaded. */
export async function loadedDrive(
  options: Partial<TapeEmulatorOptions> = {},
  store?: CartridgeStore,
): Promise<{
  readonly emulator: TapeEmulator
  readonly drive: ScsiTransport
  readonly changer: ScsiTransport
  readonly clock: VirtualClock
}> {
  const clock = createVirtualClock(undefined, { settleTurns: 1 })
  const emulator = createTapeEmulator(
    { clock, ...(store === undefined ? {} : { store }) },
    { slots: 3, drives: 1, capacityBytes: 1000, ...options },
  )
  await emulator.start()
  const [changer, drive] = [emulator.transport('changer'), emulator.transport('drive1')]
  await settle(changer)
  await settle(drive)
  const moved = await send(changer, 'move-medium', { source: 1024, destination: 256 })
  if (moved.end !== 'good') throw new Error(`the robot answered ${moved.end}`)
  await settle(drive)
  return { emulator, drive, changer, clock }
}

/** Takes what a unit has to tell first. */
export async function settle(transport: ScsiTransport): Promise<string[]> {
  const told: string[] = []
  for (;;) {
    const { end } = await send(transport, 'test-unit-ready')
    if (!end.startsWith('6/')) return told
    told.push(end)
  }
}

/** Writes a block of variable length. */
export function write(drive: ScsiTransport, data: Uint8Array): Promise<Sent> {
  return send(drive, 'write-6', { transferLength: data.length }, { dataOut: data })
}

/** Reads a block of at most that length, short ones without a word. */
export function read(drive: ScsiTransport, bytes: number): Promise<Sent> {
  return send(drive, 'read-6', { transferLength: bytes, suppressLength: true }, { inBytes: bytes })
}
