import assert from 'node:assert/strict'
import { NbError } from '@nb/contracts'
import { createVirtualClock, driven } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import type { FaultEffect } from '../../src/emulator/faults/emulator-fault.ts'
import { createScsiTapeDrive, createScsiTapeRobot, createTapeEmulator } from '../../src/index.ts'
import { propertyRuns } from '../property-runs.ts'

const effects: readonly FaultEffect[] = [
  { effect: 'transport-lost', ran: true },
  { effect: 'transport-lost', ran: false },
  { effect: 'silent' },
  { effect: 'power-lost' },
  { effect: 'busy' },
  { effect: 'write-error' },
  { effect: 'write-error', later: 2 },
  { effect: 'read-error' },
  { effect: 'tape-alert', flag: 4 },
]
const faults = fc.array(
  fc.record({ fault: fc.constantFrom(...effects), occurrence: fc.integer({ min: 1, max: 60 }) }),
  { maxLength: 6 },
)
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant('write' as const) },
    { weight: 2, arbitrary: fc.constantFrom('sync' as const, 'mark' as const) },
    { weight: 1, arbitrary: fc.constantFrom('look' as const, 'rewind' as const) },
  ),
  { minLength: 5, maxLength: 40 },
)

t.setTimeout(3_600_000)

t.test(
  'whoever goes back to what was durable after each failure has everything on the tape, once and in order',
  async (t) => {
    const met = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(faults, steps, fc.nat(), async (planned, history, powerLossSeed) => {
        const clock = createVirtualClock()
        const emulator = createTapeEmulator(
          { clock },
          { slots: 2, drives: 1, capacityBytes: 1_000_000, powerLossSeed },
        )
        await emulator.start()
        const robot = createScsiTapeRobot({ transport: emulator.transport('changer'), clock })
        const drive = createScsiTapeDrive(
          { transport: emulator.transport('drive1'), clock },
          { times: { transferMs: 5000, filemarksMs: 5000, otherMs: 5000 } },
        )
        await robot.move({ from: { kind: 'slot', number: 1 }, to: { kind: 'drive', number: 1 } })
        await drive.load()
        for (const { fault, occurrence } of planned)
          emulator.faults.add({ unit: 'drive1', ...fault, occurrence })

        const tape: (number | null)[] = []
        let durable = 0
        let serial = 0
        /** Runs a command; after a failure the drive stands behind what was durable, and the rest is to be written again. */
        const attempt = async (command: () => Promise<unknown>): Promise<boolean> => {
          try {
            await driven(clock, command())
            return true
          } catch (error) {
            assert.ok(error instanceof NbError, String(error))
            met.set(error.code, (met.get(error.code) ?? 0) + 1)
            tape.length = durable
            for (let again = 0; ; again++) {
              try {
                await driven(clock, drive.load())
                await driven(clock, drive.locate({ object: durable }))
                return false
              } catch (later) {
                assert.ok(later instanceof NbError && again < 20, String(later))
              }
            }
          }
        }
        for (const step of [...history, 'sync' as const, 'sync' as const]) {
          if (step === 'write') {
            serial += 1
            const value = serial
            if (await attempt(() => drive.writeBlock({ data: Buffer.from(`block ${value}`) })))
              tape.push(value)
          } else if (step === 'sync' || step === 'mark') {
            if (!(await attempt(() => drive.writeFilemarks({ count: step === 'mark' ? 1 : 0 })))) continue
            if (step === 'mark') tape.push(null)
            durable = tape.length
          } else {
            // A motion makes durable what was written; then back to where it goes on.
            const back = async (): Promise<void> => {
              await drive.rewind()
              if (step === 'look') await drive.readBlock({ target: new Uint8Array(20) })
              await drive.locate({ object: tape.length })
            }
            if (await attempt(back)) durable = tape.length
          }
        }
        if (durable < tape.length) assert.ok(await attempt(() => drive.writeFilemarks({ count: 0 })))
        // What of the plan is left may still come about: each object is read until it is read.
        const target = new Uint8Array(20)
        for (const [object, value] of tape.slice(0, durable).entries()) {
          const read = async () => {
            await drive.load()
            await drive.locate({ object })
            return drive.readBlock({ target })
          }
          let found = await driven(clock, read()).catch(() => undefined)
          for (let again = 0; found === undefined && again < 20; again++)
            found = await driven(clock, read()).catch(() => undefined)
          const text =
            found?.kind === 'block'
              ? Buffer.from(target.subarray(0, found.blockBytes)).toString()
              : found?.kind
          assert.equal(text, value === null ? 'filemark' : `block ${value}`)
        }
        assert.equal(durable, tape.length)
        await emulator.stop()
      }),
      propertyRuns(t, 50),
    )
    t.comment([...met].map(([code, times]) => `${code} ${times}`).join(', '))
    for (const code of ['media-write-failed', 'media-position-failed', 'media-read-failed'])
      t.ok(met.has(code), code)
  },
)
