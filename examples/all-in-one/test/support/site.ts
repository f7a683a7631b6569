import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Job, type Policy, toPath } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import { compareTrees } from '../../src/compare-trees.ts'
import { type AllInOne, clientName } from '../../src/compose.ts'
import { assertSettled } from './settled.ts'

/** A policy that only runs by hand. */
export function manualPolicy(source: string): Policy {
  const day = 86_400_000
  return {
    name: 'manual',
    active: true,
    clients: [clientName],
    selections: [toPath(source)],
    storage: { kind: 'any' },
    schedules: [
      { name: 'full', type: 'full', frequencyMs: 7 * day, windows: [], retentionLevel: 3 },
      { name: 'incr', type: 'differential', frequencyMs: day, windows: [], retentionLevel: 3 },
      { name: 'cumul', type: 'cumulative', frequencyMs: day, windows: [], retentionLevel: 3 },
    ],
  }
}

/** Runs a backup by hand to its end. */
export async function backUp(
  { ports }: AllInOne,
  source: string,
  schedule: 'full' | 'incr' | 'cumul' = 'incr',
): Promise<Job> {
  if ((await ports.scheduler.getPolicy({ name: 'manual' })) === undefined) {
    await ports.scheduler.putPolicy({ policy: manualPolicy(source) })
  }
  const { jobIds } = await ports.scheduler.runNow({ policy: 'manual', schedule })
  return await ports.jobs.wait({ jobId: jobIds[0] as string })
}

/** Restores an image's whole tree into a directory, to its end. */
export async function restoreTo(
  { ports }: AllInOne,
  source: string,
  backupId: string,
  directory: string,
): Promise<Job> {
  const { jobId } = await ports.restores.submit({
    requestId: randomUUID(),
    from: { client: clientName, backupId },
    paths: [toPath(source)],
    target: { kind: 'directory', directory: toPath(directory), strip: toPath(source) },
  })
  return await ports.jobs.wait({ jobId })
}

/** Copies a tree with all its attributes, by a tool that isn't ours. */
export function snapshotTree(source: string, copy: string): void {
  execFileSync('cp', ['-a', source, copy])
}

/** Creates, changes, renames and deletes some files of a small tree, as `random` says. */
export function editTree(root: string, random: () => number, round: number): void {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
  const folders = ['a', 'b', join('b', 'c')].map((name) => join(root, name))
  for (const folder of folders) mkdirSync(folder, { recursive: true })
  for (let edit = 0; edit < 6; edit++) {
    const folder = pick(folders)
    const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
    const path = join(folder, `f${round}-${edit}`)
    const old = names.length > 0 ? join(folder, pick(names).name) : undefined
    const what = random()
    if (old === undefined || what < 0.5)
      writeFileSync(path, Buffer.alloc(Math.floor(random() * 50_000), `${round}.${edit} `))
    else if (what < 0.65) writeFileSync(old, `changed in round ${round}`)
    else if (what < 0.8) renameSync(old, path)
    else if (what < 0.9) rmSync(old)
    else utimesSync(old, round, round)
  }
}

/** What must hold after every restart, whatever happened before. */
export interface Expectation {
  /** The tree each image must restore to, by backup id: a folder with its copy. */
  readonly snapshots: ReadonlyMap<string, string>
  /** Images whose success was reported. */
  readonly reported: readonly string[]
  /** An empty place for restores. */
  readonly scratch: string
}

/**
 * Waits for what a restart sets going: jobs that had no session yet are asked for anew, and the clean-up of the start
 * removes what discarded images left.
 */
export async function settle({ ports }: AllInOne): Promise<void> {
  for (const { id } of await collect(ports.jobs.list({}))) await ports.jobs.wait({ jobId: id })
  await ports.jobs.cleanImages()
}

/** Asserts: nothing reported is lost or damaged, no half image is visible, no lease, allocation or session stays. */
export async function assertSound(server: AllInOne, source: string, expectation: Expectation): Promise<void> {
  const { ports } = server
  const complete = await assertSettled(ports, ports.mediaServer, expectation.reported)
  for (const backupId of complete) {
    const snapshot = expectation.snapshots.get(backupId)
    if (snapshot !== undefined) await assertRestores(server, source, backupId, snapshot, expectation.scratch)
  }
}

/** Asserts that an image restores to exactly a recorded tree. */
export async function assertRestores(
  server: AllInOne,
  source: string,
  backupId: string,
  snapshot: string,
  scratch: string,
): Promise<void> {
  const target = join(scratch, `restored-${backupId}-${randomUUID()}`)
  const job = await restoreTo(server, source, backupId, target)
  assert.equal(job.status, 0, `restore of ${backupId} ended with ${job.status}: ${job.statusText}`)
  const { differences } = compareTrees(snapshot, target)
  assert.deepEqual(differences, [], `restore of ${backupId} differs`)
  rmSync(target, { recursive: true })
}
