import assert from 'node:assert/strict'
import { NbError, type TapeDrive } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { randomFaults } from '../../src/emulator/faults/random-faults.ts'
import { createTapeEmulator, type TapeEmulator } from '../../src/emulator/tape-emulator.ts'
import { createScsiTapeDrive } from '../../src/ssc/scsi-tape-drive.ts'
import { propertyRuns } from '../property-runs.ts'
import { send, settle } from './send.ts'

const effects = [
  'transport-lost',
  'power-lost',
  'busy',
  'write-error',
  'read-error',
  'tape-alert',
  'cleaning-needed',
  'drive-failed',
  'slow',
] as const

/** Blocks of a file, whose first says which file and which try it is. */
function blocksOf(file: number, attempt: number, blocks: number): Buffer[] {
  return Array.from({ length: blocks }, (_, block) =>
    Buffer.concat([Buffer.from([file, attempt, block]), Buffer.alloc(20 + block, file)]),
  )
}

/** Brings the drive back to where a file begins; whatever goes wrong meanwhile is tried again. */
async function recover(emulator: TapeEmulator, drive: TapeDrive, object: number): Promise<void> {
  for (let attempt = 0; attempt < 30; attempt++)
    try {
      if (emulator.transport('drive1').nexus > 0 && attempt > 2)
        await emulator.operator.restartDrive({ drive: 1 })
      await drive.load()
      await drive.locate({ object })
      return
    } catch (error) {
      if (!(error instanceof NbError)) throw error
    }
  assert.fail('the drive does not come back')
}

t.setTimeout(900_000)

t.test('whatever goes wrong, files whose filemark was waited for are on the tape, in order', async (t) => {
  let struck = 0
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 8 }),
      async (seed, files) => {
        const faults = randomFaults({ seed, faults: 6, drives: 1, within: 25, effects })
        const clock = createVirtualClock()
        const emulator = createTapeEmulator(
          { clock },
          { slots: 2, drives: 1, capacityBytes: 100_000, faults, powerLossSeed: seed },
        )
        await emulator.start()
        const changer = emulator.transport('changer')
        await settle(changer)
        await send(changer, 'move-medium', { source: 1024, destination: 256 })
        const drive = createScsiTapeDrive({ transport: emulator.transport('drive1'), clock })
        const running = work(emulator, drive, files)
        let ended = false
        const watched = running.finally(() => (ended = true))
        watched.catch(() => undefined)
        await clock.advanceUntil(() => ended)
        await watched
        struck += faults.length - emulator.faults.pending.length
        await emulator.stop()
      },
    ),
    propertyRuns(t, 30),
  )
  t.ok(struck > 60, `${struck} faults struck`)
})

async function work(emulator: TapeEmulator, drive: TapeDrive, files: readonly number[]): Promise<void> {
  let object = 0
  const written: Buffer[][] = []
  await recover(emulator, drive, 0)
  for (const [file, count] of files.entries())
    for (let attempt = 0; ; attempt++) {
      assert.ok(attempt < 30, 'a file can be written at last')
      const blocks = blocksOf(file, attempt, count)
      try {
        for (const data of blocks) assert.equal((await drive.writeBlock({ data })).written, true)
        const { position } = await drive.writeFilemarks({ count: 1 })
        assert.equal(position.object, object + count + 1)
      } catch (error) {
        if (!(error instanceof NbError)) throw error
        await recover(emulator, drive, object)
        continue
      }
      object += count + 1
      written.push(blocks)
      break
    }
  // Reading may fail as planned, and is tried again: what comes is what was written.
  for (let attempt = 0; ; attempt++) {
    assert.ok(attempt < 30, 'the tape can be read at last')
    try {
      await recover(emulator, drive, 0)
      for (const blocks of written) {
        for (const data of blocks) {
          const target = Buffer.alloc(200)
          const read = await drive.readBlock({ target })
          assert.deepEqual(read.kind === 'block' && target.subarray(0, read.blockBytes), data)
        }
        assert.equal((await drive.readBlock({ target: Buffer.alloc(200) })).kind, 'filemark')
      }
      return
    } catch (error) {
      if (!(error instanceof NbError)) throw error
    }
  }
}
