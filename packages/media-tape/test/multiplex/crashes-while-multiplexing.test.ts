import assert from 'node:assert/strict'
import { type FragmentRecord, type MediumContent, NbError } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { MultiplexGroup } from '../../src/multiplex/multiplex-group.ts'
import { contentsOf } from '../../src/store/contents.ts'
import { findAppendPlace } from '../../src/volume-writer/find-end.ts'
import { propertyRuns } from '../property-runs.ts'
import { dyingDrive } from './dying-drive.ts'
import { type Committed, anyPlan, runJobs } from './histories.ts'
import { appendedVolume, identity, loadedTape, readStream } from './multiplexed-tape.ts'

const isLong = process.env['NB_LONG'] === '1'
t.setTimeout(900_000)

const lives = fc.array(
  fc.record({
    plans: fc.array(anyPlan, { minLength: 1, maxLength: 4 }),
    /** The command that writes before which the process dies, and the library loses its power. */
    death: fc.integer({ min: 1, max: 60 }),
  }),
  { minLength: 1, maxLength: 4 },
)

const isOf = (record: FragmentRecord, one: MediumContent): boolean =>
  one.kind === 'fragment' && one.fragment.headerBlock === record.headerBlock

t.test(
  'jobs come and go, processes die: what was committed is on the volume, and it goes on behind',
  async (t) => {
    let deaths = 0
    let fragments = 0
    await fc.assert(
      fc.asyncProperty(lives, fc.nat(), async (history, powerLossSeed) => {
        const tape = await loadedTape({ powerLossSeed })
        const all: Committed[] = []
        let start = tape.start
        for (const { plans, death } of history) {
          const drive = dyingDrive(tape.drive, death, () => tape.emulator.losePower())
          const volume = appendedVolume({ drive }, start)
          const group = new MultiplexGroup({ drive, clock: tape.clock, volume })
          const { committed, failures } = await runJobs((fragment) => group.join(fragment), plans)
          for (const failure of failures) assert.ok(failure instanceof NbError, String(failure))
          await group.settled()
          all.push(...committed)
          if (!drive.isDead) assert.deepEqual(failures, [])
          else {
            deaths += 1
            await tape.drive.load()
          }
          if (drive.isDead) {
            // What a look at the tape finds before anybody closes the file.
            const found = await collect(contentsOf(tape.drive, tape.volume))
            for (const { record } of all) assert.ok(found.some((one) => isOf(record, one)))
          }
          const { file, object } = await findAppendPlace(tape.drive, {
            ...identity,
            files: volume.place.file,
          })
          // After a crash a file with footers that nobody was told of may stand there as well.
          assert.ok(drive.isDead ? file >= volume.place.file : file === volume.place.file)
          start = { ...identity, file, object }
        }
        const told = await collect(contentsOf(tape.drive, tape.volume))
        for (const { fragment, payload, record } of all) {
          assert.ok((await readStream(tape.volume, fragment, record)).equals(payload), fragment.backupId)
          const { backupId, copy } = fragment
          assert.deepEqual(
            told.filter((one) => isOf(record, one)),
            [{ kind: 'fragment', backupId, copy, fragment: record, last: true }],
          )
        }
        assert.ok(told.every(({ kind }) => kind === 'fragment'))
        fragments += all.length
        await tape.emulator.stop()
      }),
      { ...propertyRuns(t, 8), numRuns: isLong ? 1000 : 8 },
    )
    t.ok(deaths > 4, `${deaths} deaths`)
    t.ok(fragments > 10, `${fragments} fragments`)
  },
)
