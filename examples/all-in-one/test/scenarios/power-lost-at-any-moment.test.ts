import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@nb/contracts'
import {
  collect,
  createFaultPlan,
  createPowerLossStorage,
  numberSetting,
  type PowerLossStorage,
  seededRandom,
} from '@nb/test-kit'
import t from 'tap'
import { type AllInOne, composeAllInOne } from '../../src/compose.ts'
import { scratch } from '../support/run-example.ts'
import { assertSound, backUp, editTree, restoreTo, settle, snapshotTree } from '../support/site.ts'

const points = process.env['NB_LONG'] === '1' ? 250 : 40
const seed = numberSetting('NB_SEED', 1)

/** A point takes a second or two; one that takes this long hangs. */
const pointLimitMs = 60_000

t.setTimeout(points * 10_000 + pointLimitMs)

const compose = (storage: PowerLossStorage): AllInOne =>
  composeAllInOne({
    database: storage.database('main'),
    files: storage.files,
    clock: systemClock(),
    imageDirectory: '/state/images',
    diskDirectory: '/state/disk1',
    stateDirectory: '/nonexistent',
    maxFragmentBytes: 1024 * 1024,
    settings: { tries: 1 },
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

// The lives that lost their power still wait in this process for storage that never answers: they don't hold its end up.
t.teardown(() => setTimeout(() => process.exit(), 2000).unref())

/** Boot, full backup, edit, incremental backup, a restore of each; notes what was reported on the way. */
const live = async (server: AllInOne, told: Told): Promise<void> => {
  await server.start()
  for (const [state, tree] of trees.entries()) {
    shape(state)
    const job = await backUp(server, source, state === 0 ? 'full' : 'incr')
    if (job.status === undefined || job.status > 1) return
    told.reported.push(job.backupId as string)
    told.snapshots.set(job.backupId as string, tree)
    await restoreTo(server, source, job.backupId as string, join(root, `r-${randomUUID()}`))
  }
}

const watched =
  (hit: (point: string) => boolean, happened: () => void) =>
  (point: string): boolean => {
    const happens = hit(point)
    if (happens) happened()
    return happens
  }

/** Lives until the power goes: without it nothing can be recorded any more, so that nobody is answered. */
const liveUntilLoss = async (
  occurrence: number,
  storageSeed: number,
  told: Told,
): Promise<PowerLossStorage> => {
  const faults = createFaultPlan([{ point: '*', occurrence }])
  const dark = new Promise<void>((resolve) => {
    Object.assign(faults, { hit: watched(faults.hit.bind(faults), resolve) })
  })
  const storage = createPowerLossStorage({ faults, seed: storageSeed })
  const server = compose(storage)
  await Promise.race([dark, live(server, told)])
  faults.assertAllHit()
  // What still runs of it meets dead storage; its end is not waited for, as nobody waits on a machine without power.
  server.stop().catch(() => undefined)
  storage.restore()
  return storage
}

/** A life up to the loss, then a new one on what was durable, which must be sound and able to work. */
const surviveLoss = async (occurrence: number, storageSeed: number): Promise<void> => {
  const told: Told = { reported: [], snapshots: new Map() }
  const storage = await liveUntilLoss(occurrence, storageSeed, told)
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
  const first = compose(reference)
  await live(first, told)
  await first.stop()
  t.equal(told.reported.length, 2, 'a run with power reports both backups')
  t.comment(`${reference.operations} operations in a whole run`)

  for (let point = 0; point < points; point++) {
    const occurrence = 1 + Math.floor(random() * (reference.operations * 0.95))
    const late = AbortSignal.timeout(pointLimitMs)
    const hangs = new Promise<never>((_, reject) =>
      late.addEventListener('abort', () => reject(late.reason as Error)),
    )
    try {
      await Promise.race([hangs, surviveLoss(occurrence, seed * 1000 + point)])
    } catch (error) {
      t.fail(`operation ${occurrence} (seed ${seed}, point ${point}): ${(error as Error).message}`)
    }
  }
})
