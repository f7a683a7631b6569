import assert from 'node:assert/strict'
import type { ScsiCommand, ScsiResult, ScsiTransport } from '@nb/contracts'
import type { VirtualClock } from '../virtual-clock.ts'

/** What the suite of `ScsiTransport` works on. */
export interface ScsiTransportFixture {
  /** To a tape drive with a blank volume of at least 8 MiB loaded, with blocks of variable length. Not opened yet. */
  readonly transport: ScsiTransport
  /** The transport's clock. */
  readonly clock: VirtualClock
  /**
   * The unit begins no command that comes from now on, until the function it gives is called; then it begins them in their order.
   * Resets and aborts may wait as well.
   */
  readonly hold: () => Promise<() => Promise<void>>
  /** Breaks the connection as a pulled cable does; a new one can be made at once. */
  readonly breakConnection: () => Promise<void>
}

/**
 * What an implementation may declare not to do, with what is behind it:
 * - `short-blocks`: reading less than was asked for tells the true length;
 * - `prompt-aborts`: an abort or reset ends a command while the unit is held, and not only with its answer;
 * - `silent-losses`: a loss that no command met gives the next nexus; without it, something below mends it, and the unit tells of it by a
 *   unit attention in place of the next command.
 */
export type ScsiTransportQuirk = 'short-blocks' | 'prompt-aborts' | 'silent-losses'

/** Declares one obligation. */
export type ScsiCheck = (name: string, body: (fixture: ScsiTransportFixture) => Promise<void>) => void

/** SAM-5, 5.3.1. */
export const status = { good: 0, checkCondition: 2 } as const
export const illegalRequest = 5
export const unitAttention = 6

const length24 = (length: number): number[] => [length >> 16, (length >> 8) & 255, length & 255]

/** Commands that every tape drive knows (SPC-4 and SSC-4). */
export const testUnitReady: ScsiCommand = { cdb: Uint8Array.of(0x00, 0, 0, 0, 0, 0) }
export const rewind: ScsiCommand = { cdb: Uint8Array.of(0x01, 0, 0, 0, 0, 0) }
export const writeFilemark: ScsiCommand = { cdb: Uint8Array.of(0x10, 0, 0, 0, 1, 0) }
/** An operation code that is reserved (SPC-4, table E.2). */
export const unknownCommand: ScsiCommand = { cdb: Uint8Array.of(0x1f, 0, 0, 0, 0, 0) }
export const write = (dataOut: Uint8Array): ScsiCommand => ({
  cdb: Uint8Array.of(0x0a, 0, ...length24(dataOut.length), 0),
  dataOut,
})
export const read = (dataIn: Uint8Array): ScsiCommand => ({
  cdb: Uint8Array.of(0x08, 0, ...length24(dataIn.length), 0),
  dataIn,
})
export const inquiry = (dataIn: Uint8Array): ScsiCommand => ({
  cdb: Uint8Array.of(0x12, 0, 0, dataIn.length >> 8, dataIn.length & 255, 0),
  dataIn,
})
export const reportLuns = (dataIn: Uint8Array): ScsiCommand => ({
  cdb: Uint8Array.of(0xa0, 0, 0, 0, 0, 0, 0, ...length24(dataIn.length), 0, 0),
  dataIn,
})

/** Bytes that differ for each length and seed. */
export function pattern(length: number, seed: number = length): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8) + seed) & 255
  return bytes
}

/** The sense key of either format (SPC-4, 4.5). */
export function senseKeyOf({ sense }: ScsiResult): number {
  assert.ok(sense !== undefined && sense.length >= 8, 'with CHECK CONDITION come sense data')
  const format = (sense[0] ?? 0) & 0x7f
  assert.ok(format >= 0x70 && format <= 0x73, `a response code of sense data, not 0x${format.toString(16)}`)
  return (sense[format >= 0x72 ? 1 : 2] ?? 0) & 0x0f
}

/** Runs a command that has to succeed. */
export async function good(transport: ScsiTransport, command: ScsiCommand): Promise<ScsiResult> {
  const result = await transport.execute(command)
  assert.equal(
    result.status,
    status.good,
    `GOOD, not ${result.status} (${Buffer.from(result.sense ?? []).toString('hex')})`,
  )
  return result
}

/** Takes what the unit has to tell after a connect or reset, until it is ready. */
export async function ready(transport: ScsiTransport): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const result = await transport.execute(testUnitReady)
    if (result.status === status.good) return
    assert.equal(senseKeyOf(result), unitAttention)
  }
  assert.fail('the unit does not become ready')
}
