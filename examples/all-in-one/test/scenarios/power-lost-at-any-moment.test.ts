import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@nb/contracts'
import {
  type PowerLossStorage,
  collect,
  createFaultPlan,
  createPowerLossStorage,
  seededRandom,
} from '@nb/test-kit'
import t from 'tap'
import { type AllInOne, composeAllInOne } from '../../src/compose.ts'
import { scratch } from '../support/run-example.ts'
import { assertSound, backUp, editTree, restoreTo, settle, snapshotTree } from '../support/site.ts'

const points = process.env['NB_LONG'] === '1' ? 250 : 40
const seed = Number(process.env['NB_SEED'] ?? 1)

t.setTimeout(points * 10_000)

const compose = (storage: PowerLossStorage): AllInOne =>
  composeAllInOne({
    database: storage.database('main'),
    files: storage.files,
    clock: systemClock(),
    imageDirectory: '/state/images',
    diskDirectory: '/state/disk1',
    stateDirectory: '/nonexistent',
    maxFragmentBytes: 1024 * 1024,
  })

interface Told {
  readonly reported: string[]
  readonly snapshots: Map<string, string>
}

const root = scratch('power')
const source = join(root, 'source')
const trees = [join(root, 'tree-0'), join(root, 'tree-1')]

const extra = join(source, 'extra')

/** Makes the source one of its two states, with the same content, names and times each time. */
const shape = (state: number): void => {
  if (state === 0) rmSync(extra, { force: true })
  else {
    writeFileSync(extra, Buffer.alloc(300_000, 'extra '))
    utimesSync(extra, 1, 1)
  }
  utimesSync(source, state, state)
}

/** Boot, full backup, edit, incremental backup, a restore of each, end; notes what was reported on the way. */
const live = async (storage: PowerLossStorage, told: Told): Promise<void> => {
  const server = compose(storage)
  try {
    await server.start()
    for (const [state, tree] of trees.entries()) {
      shape(state)
      const job = await backUp(server, source, state === 0 ? 'full' : 'incr')
      if (job.status !== undefined && job.status <= 1) {
        told.reported.push(job.backupId as string)
        told.snapshots.set(job.backupId as string, tree)
      }
      if (storage.lost) return
      await restoreTo(server, source, job.backupId as string, join(root, `r-${randomUUID()}`))
    }
  } finally {
    await server.stop()
  }
}

t.test(`power lost at ${points} random operations (seed ${seed})`, async (t) => {
  t.comment(`seed ${seed}, ${points} losses; the full count is 250 (npm run test:long)`)
  const random = seededRandom(seed)
  mkdirSync(source)
  editTree(source, random, 0)
  for (const [state, tree] of trees.entries()) {
    shape(state)
    snapshotTree(source, tree)
  }

  const reference = createPowerLossStorage()
  const told: Told = { reported: [], snapshots: new Map() }
  await live(reference, told)
  t.equal(told.reported.length, 2, 'a run with power reports both backups')
  t.comment(`${reference.operations} operations in a whole run`)

  for (let point = 0; point < points; point++) {
    const occurrence = 1 + Math.floor(random() * (reference.operations * 0.97))
    const faults = createFaultPlan([{ point: '*', occurrence }])
    const storage = createPowerLossStorage({ faults, seed: seed * 1000 + point })
    const told: Told = { reported: [], snapshots: new Map() }
    await live(storage, told).catch(() => undefined)
    faults.assertAllHit()
    storage.restore()
    const server = compose(storage)
    try {
      await server.start()
      await settle(server)
      // An image that was completed but not reported any more is as good as one that was.
      for (const { backupId, schedule } of await collect(server.ports.catalog.listImages({}))) {
        told.snapshots.set(backupId, trees[schedule === 'full' ? 0 : 1] as string)
      }
      await assertSound(server, source, { ...told, scratch: root })
      const next = await backUp(server, source)
      if (next.status !== 0) throw new Error(`the next backup ended with ${next.status}: ${next.statusText}`)
    } catch (error) {
      t.fail(`operation ${occurrence} (seed ${seed}, point ${point}): ${(error as Error).message}`)
    } finally {
      await server.stop()
    }
  }
})
