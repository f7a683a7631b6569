import assert from 'node:assert/strict'
import { NbError, systemClock } from '@nb/contracts'
import { proveTapeFile } from '@nb/formats'
import t from 'tap'
import { BlockReader } from '../../src/fragment/block-reader.ts'
import { ReadingTurns } from '../../src/fragment/reading-turns.ts'
import { createIscsiSession } from '../../src/index.ts'
import { closeCutFile } from '../../src/multiplex/close-cut-file.ts'
import { MultiplexGroup } from '../../src/multiplex/multiplex-group.ts'
import { createScsiTapeRobot } from '../../src/smc/scsi-tape-robot.ts'
import { tgtDriveQuirks } from '../../src/ssc/drive-quirks.ts'
import { createScsiTapeDrive } from '../../src/ssc/scsi-tape-drive.ts'
import { type Committed, type JobPlan, runJobs, together } from '../multiplex/histories.ts'
import {
  appendedVolume,
  beginning,
  blocksFrom,
  identity,
  newFragment,
  noise,
  readStream,
  trailerOf,
} from '../multiplex/multiplexed-tape.ts'
import { startTgtd, tgtdMissing } from './tgtd.ts'

const clock = systemClock()

const plans: readonly JobPlan[] = [1, 2, 3, 4].map((seed) => ({
  fragments: [
    { bytes: 1000 * 512 * seed, discard: false },
    { bytes: 300 * 512, discard: seed === 2 },
  ],
  ...{ pause: seed % 3, compressed: seed === 4, seed },
}))

t.test(
  'four streams share a tape of tgtd, and what was committed outlives the target',
  { skip: tgtdMissing },
  async (t) => {
    const library = await startTgtd({ tape_mb: 64, tapes: 2 })
    const { portal, target } = library
    const session = createIscsiSession(
      { clock },
      { portal, target, initiatorName: 'iqn.2026-11.example.test:me' },
    )
    t.teardown(async () => {
      await session.close()
      await library.remove()
    })
    const named = [1, 2].map((number) => ({ name: `drive${number}`, serial: `NBDRV0000${number}` }))
    const robot = createScsiTapeRobot({ transport: session.unit(3), clock }, { drives: named })
    const drive = createScsiTapeDrive(
      { transport: session.unit(1), clock },
      { name: 'drive1', quirks: tgtDriveQuirks },
    )
    const load = async (): Promise<void> => {
      await robot.inventory()
      await robot.move({ from: { kind: 'slot', number: 1 }, to: { kind: 'drive', number: 1 } })
      await drive.load()
    }
    await load()
    for (const block of beginning)
      if (block === null) await drive.writeFilemarks({ count: 1 })
      else await drive.writeBlock({ data: block })
    const start = { ...identity, file: 2, object: beginning.length }
    const end = appendedVolume({ drive }, start)
    const group = new MultiplexGroup({ drive, clock, volume: end })
    const { committed, failures } = await runJobs(
      together((input) => group.join(input), 4),
      plans,
    )
    t.same(failures, [])
    t.equal(committed.length, 7)
    await group.settled()
    const next = end.place
    const volume = {
      storageUnit: 'tape1',
      identity,
      reader: new BlockReader(drive),
      turns: new ReadingTurns(clock),
    }
    const readAll = async (all: readonly Committed[]): Promise<void> => {
      for (const { fragment, payload, record } of all)
        assert.ok((await readStream(volume, fragment, record)).equals(payload), fragment.backupId)
    }
    await readAll(committed)

    const open = new MultiplexGroup({ drive, clock, volume: end })
    const [first, second] = await Promise.all([1, 2].map((client) => open.join(newFragment(client))))
    if (first === undefined || second === undefined) throw new Error('two joined')
    await Promise.all([first.write(noise(5, 2 ** 20)), second.write(noise(6, 2 ** 20))])
    const record = await first.commit(trailerOf(newFragment(1)))
    const dying = library.stop()
    await t.rejects(
      (async () => {
        for (;;) await second.write(noise(6, 2 ** 18))
      })(),
      NbError,
    )
    await dying
    await library.start()
    await open.settled()
    await load()
    const closed = await closeCutFile(drive, { start: { ...identity, ...next } })
    t.match(closed, { end: 'whole', streams: [{ stream: 1 }] })
    const blocks = await blocksFrom(drive, next.object)
    t.match(proveTapeFile(blocks[0] as Buffer, blocks.at(-1) as Buffer, { ...identity, ...next }), {
      kind: 'multiplexed',
      footer: { streams: [{ stream: 1 }] },
    })
    await readAll([...committed, { fragment: newFragment(1), payload: noise(5, 2 ** 20), record }])
  },
)
