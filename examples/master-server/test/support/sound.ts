import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Job, toPath } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import { compareTrees } from '../../../all-in-one/src/compare-trees.ts'
import { assertSettled } from '../../../all-in-one/test/support/settled.ts'
import type { HostProcess } from './host-process.ts'
import type { Site } from './site.ts'
import { until } from './until.ts'

/** What a site was told to have done, and must still have. */
export interface Reported {
  /** By backup id: a folder with the tree as it was saved. */
  readonly snapshots: ReadonlyMap<string, string>
  /** The tree that was backed up. */
  readonly source: string
  /** Where it is restored to. */
  readonly client: string
}

/**
 * Asserts that nothing reported is lost or damaged; that no half image is visible or lies on the disk after a clean-up; that no lease, allocation or session
 * stays; that no job is left; and that no process has started another that lives.
 */
export async function assertSound(site: Site, { snapshots, source, client }: Reported): Promise<void> {
  const { ports, media } = site
  await assertSettled(ports, site.portsOf(media).mediaServer, snapshots.keys())
  for (const [backupId, snapshot] of snapshots)
    await assertRestores(site, { source, client }, backupId, snapshot)
}

/** Asserts that an image restores to exactly a recorded tree. */
export async function assertRestores(
  site: Site,
  { source, client }: Pick<Reported, 'source' | 'client'>,
  backupId: string,
  snapshot: string,
): Promise<void> {
  const target = join(site.directory, `restored-${randomUUID()}`)
  const job = await site.ports.jobs.wait(await submitRestore(site, { source, client, backupId, target }))
  assert.equal(job.status, 0, `restore of ${backupId} ended with ${job.status}: ${job.statusText}`)
  assert.deepEqual(compareTrees(snapshot, target).differences, [], `the restore of ${backupId} differs`)
  rmSync(target, { recursive: true })
}

/** Asks for the restore of a whole tree. */
export function submitRestore(
  { ports }: Pick<Site, 'ports'>,
  restore: {
    readonly source: string
    readonly client: string
    readonly backupId: string
    readonly target: string
  },
): Promise<{ readonly jobId: string }> {
  return ports.restores.submit({
    requestId: randomUUID(),
    from: { client: restore.client, backupId: restore.backupId },
    paths: [toPath(restore.source)],
    target: { kind: 'directory', directory: toPath(restore.target), strip: toPath(restore.source) },
  })
}

/** A job once it rests or is done, with how its last try ended. */
export async function endOfTry(
  { ports }: Pick<Site, 'ports'>,
  jobId: string,
  withinMs: number,
): Promise<Job & { readonly tryStatus: number; readonly tryText: string }> {
  const job = await until(withinMs, `job ${jobId} ends a try`, async () => {
    const found = await ports.jobs.get({ jobId })
    // One that is done has no status before its image is settled, too.
    const isOver =
      found?.status !== undefined || ['waiting-for-retry', 'incomplete'].includes(found?.state ?? '')
    return isOver ? found : undefined
  })
  const tries = await collect(ports.jobs.attempts({ jobId }))
  const last = tries.findLast(({ status }) => status !== undefined)
  return {
    ...job,
    tryStatus: last?.status ?? job.status ?? -1,
    tryText: last?.statusText ?? job.statusText ?? '',
  }
}

/** File lists that a catalog keeps open for the next look. */
const mostLists = 512

/** Asserts that a process has no more open than it had when it was idle, but for file lists and a few connections that are kept for the next call. */
export async function assertNoLeak(host: HostProcess, before: number): Promise<void> {
  const most = before + 12
  await until(20_000, `${host.name} closes what it has opened`, async () => {
    const { files, children, open } = host.footprint()
    const lists = open.filter((target) => target.endsWith('/files.nbf')).length
    return files - lists <= most && lists <= mostLists && children === 0 ? true : undefined
  }).catch((error: unknown) => {
    const { files, children, open } = host.footprint()
    const listed = open.map((target) => target.replace(/[\d[\]]+/g, 'N')).sort()
    throw new Error(`${files} open, ${most} at most, ${children} children: ${listed.join(' ')}`, {
      cause: error,
    })
  })
}
