import assert from 'node:assert/strict'
import { NbError } from '@nb/contracts'
import { STREAM_BLOCK_BYTES, proveTapeFile } from '@nb/formats'
import t from 'tap'
import { closeCutFile } from '../../src/multiplex/close-cut-file.ts'
import { createMultiplexedFile } from '../../src/multiplex/create-multiplexed-file.ts'
import { type DyingDrive, dyingDrive } from './dying-drive.ts'
import { type Committed, type JobPlan, runJobs, together } from './histories.ts'
import {
  type MultiplexedTape,
  blocksFrom,
  identity,
  loadedTape,
  newFragment,
  noise,
  readStream,
  trailerOf,
} from './multiplexed-tape.ts'

const isLong = process.env['NB_LONG'] === '1'
if (isLong) t.setTimeout(3_600_000)
const kib = 1024
const plans: readonly JobPlan[] = [
  { fragments: [{ bytes: 600 * kib, discard: false }], pause: 0, compressed: false, seed: 1 },
  { fragments: [{ bytes: 100 * kib, discard: false }], pause: 0, compressed: false, seed: 2 },
  { fragments: [{ bytes: 900 * kib, discard: false }], pause: 1, compressed: true, seed: 3 },
  { fragments: [{ bytes: 300 * kib, discard: true }], pause: 0, compressed: false, seed: 4 },
]

/** Runs the jobs until the drive's last write, then takes the power away. */
async function until(
  tape: MultiplexedTape,
  last: number,
  dies: () => Promise<void>,
): Promise<{ readonly committed: readonly Committed[]; readonly drive: DyingDrive }> {
  const drive = dyingDrive(tape.drive, last, dies)
  const file = createMultiplexedFile({ drive, clock: tape.clock }, tape.start)
  const { committed, failures } = await runJobs(
    together((input) => file.join(input), plans.length),
    plans,
  )
  for (const failure of failures) assert.ok(failure instanceof NbError, String(failure))
  await file.ended
  return { committed, drive }
}

async function readAll({ volume }: MultiplexedTape, committed: readonly Committed[]): Promise<void> {
  for (const { fragment, payload, record } of committed)
    assert.ok((await readStream(volume, fragment, record)).equals(payload), fragment.backupId)
}

t.test(
  'wherever the power is lost, what was committed is read, and the file is closed behind it',
  async (t) => {
    const whole = await loadedTape()
    const { drive, committed } = await until(whole, Infinity, async () => undefined)
    t.equal(committed.length, 3)
    t.ok(drive.writes > 15, `${drive.writes} moments`)
    await whole.emulator.stop()
    let closed = 0
    for (let moment = 1; moment <= drive.writes; moment++)
      for (const powerLossSeed of isLong ? [undefined, moment] : [moment % 2 === 0 ? undefined : moment]) {
        const tape = await loadedTape(powerLossSeed === undefined ? {} : { powerLossSeed })
        const told = await until(tape, moment, () => tape.emulator.losePower())
        assert.ok(told.drive.isDead, `moment ${moment}`)
        await tape.drive.load()
        const footers = told.committed.map(({ record }) => (record.footerBlock ?? 0) - tape.start.object)
        const ended = await closeCutFile(tape.drive, {
          start: tape.start,
          knownFooter: Math.max(0, ...footers),
        })
        assert.equal((await tape.drive.position()).object, ended.object)
        if (ended.end === 'whole') {
          closed += 1
          const blocks = await blocksFrom(tape.drive, tape.start.object)
          const proven = proveTapeFile(blocks[0] as Buffer, blocks.at(-1) as Buffer, tape.start)
          assert.deepEqual(proven.kind === 'multiplexed' && proven.footer.streams, ended.streams)
          assert.equal(tape.start.object + blocks.length + 1, ended.object)
        } else assert.deepEqual(told.committed, [])
        const listed = ended.streams.map(({ footerBlock }) => footerBlock)
        for (const footer of footers) assert.ok(listed.includes(footer), `moment ${moment}`)
        await readAll(tape, told.committed)

        // It goes on behind it.
        await tape.drive.locate(ended)
        const file = ended.end === 'whole' ? 3 : 2
        const next = createMultiplexedFile(tape, { ...identity, file, object: ended.object })
        const fragment = newFragment(9)
        const writer = await next.join(fragment)
        await writer.write(noise(9, STREAM_BLOCK_BYTES + 512 - (STREAM_BLOCK_BYTES % 512)))
        const record = await writer.commit(trailerOf(fragment))
        await readAll(tape, [...told.committed, { fragment, payload: noise(9, record.streamBytes), record }])
        await tape.emulator.stop()
      }
    t.ok(closed > 5, `${closed} files were closed`)
  },
)

t.test(
  'a drive that loses its power under a living process: what was committed is closed at once',
  async (t) => {
    let closed = 0
    for (let moment = 2; moment <= 18; moment++) {
      const tape = await loadedTape({
        powerLossSeed: moment,
        faults: [{ unit: 'drive1', command: 'write-6', effect: 'power-lost', occurrence: moment }],
      })
      const file = createMultiplexedFile(tape, tape.start)
      const { committed, failures } = await runJobs(
        together((input) => file.join(input), plans.length),
        plans,
      )
      const ended = await file.ended
      if (tape.emulator.faults.pending.length > 0) t.same(failures, [])
      else t.type(ended.failure, NbError)
      await tape.drive.load()
      if (ended.end === 'cut') await closeCutFile(tape.drive, { start: tape.start })
      else closed += 1
      await readAll(tape, committed)
      await tape.emulator.stop()
    }
    t.ok(closed > 5, `${closed} of 17 files were closed`)
  },
)

t.test('a file in which a footer that the catalog knows is not found is not overwritten', async (t) => {
  const tape = await loadedTape()
  const { committed } = await until(tape, 14, () => tape.emulator.losePower())
  await tape.drive.load()
  await t.rejects(closeCutFile(tape.drive, { start: tape.start, knownFooter: 4000 }), {
    code: 'media-open-failed',
    retryable: false,
  })
  await readAll(tape, committed)
  await tape.emulator.stop()
})

t.test('a footer that is damaged is not taken for the remains of a crash', async (t) => {
  const whole = await loadedTape()
  await until(whole, Infinity, async () => undefined)
  const blocks = (await blocksFrom(whole.drive, whole.start.object)).slice(0, -1)
  const last = blocks.at(-1) as Buffer
  await whole.emulator.stop()
  for (const at of [0, blocks.length - 1]) {
    const tape = await loadedTape()
    const damaged = Buffer.from(blocks[at] as Buffer)
    damaged.writeUInt8(damaged.readUInt8(600) ^ 1, 600)
    for (const [number, block] of blocks.entries())
      await tape.drive.writeBlock({ data: number === at ? damaged : block })
    await tape.drive.writeFilemarks({ count: 0 })
    await t.rejects(closeCutFile(tape.drive, { start: tape.start }), { code: 'media-open-failed' })
    const left = await blocksFrom(tape.drive, tape.start.object)
    t.equal(left.length, blocks.length)
    if (at === 0) t.ok(left.at(-1)?.equals(last))
    await tape.emulator.stop()
  }
})
