import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import {
  type Job,
  type JobManager,
  type Policy,
  type Schedule,
  type StartWindow,
  type StoredPolicy,
  NbError,
  describeStatus,
  formatBytes,
  toPath,
} from '@nb/contracts'
import { compareTrees } from './compare-trees.ts'
import { type AllInOne, clientName, tapeStorageUnit } from './compose.ts'
import type { AllInOneOptions } from './options.ts'
import { type Screen, showJob } from './show-job.ts'

const hourMs = 3_600_000
/** The clock of a file system may be this far behind, milliseconds. */
const clockTickMs = 20
const always: readonly StartWindow[] = [{ weekday: 0, startSeconds: 0, durationSeconds: 7 * 86_400 }]
const policyName = 'example'

/** Backs the source up by its policy, restores it, and compares. Rejects with the status of what failed. */
export async function runMainJob(
  { ports }: AllInOne,
  options: AllInOneOptions,
  screen: Screen,
  signal: AbortSignal,
): Promise<void> {
  await earlierJobs(ports.jobs, screen, signal)
  const started = nextStart(ports.scheduler)
  const storage =
    options.settings.tape === undefined
      ? ({ kind: 'any' } as const)
      : ({ kind: 'unit', name: tapeStorageUnit } as const)
  const policy = await keepPolicy(ports.scheduler, options.source, storage)
  const jobId = started.jobId ?? (await backupByHand(ports, policy))
  screen.line(`\nbackup of ${options.source} by policy ${policy.name}, job ${jobId}`)
  const backup = await showJob(ports.jobs, jobId, screen, signal)
  report(backup, screen)

  const directory = options.restoreTo ?? join(options.state, 'restored', backup.backupId ?? jobId, jobId)
  const restore = await ports.restores.submit({
    requestId: randomUUID(),
    from: { client: clientName, ...(backup.backupId === undefined ? {} : { backupId: backup.backupId }) },
    paths: [toPath(options.source)],
    target: { kind: 'directory', directory: toPath(directory), strip: toPath(options.source) },
    ifExists: options.ifExists,
    requestedBy: 'the example',
  })
  screen.line(`\nrestore to ${directory}, job ${restore.jobId}`)
  report(await showJob(ports.jobs, restore.jobId, screen, signal), screen)
  compare(options, directory, backup.submittedAt - clockTickMs, screen)
}

/** Jobs that an earlier run left, and that the restart took up again, come to their end first, or to the end of their try. */
async function earlierJobs(jobs: JobManager, screen: Screen, signal: AbortSignal): Promise<void> {
  const states = ['queued', 'active'] as const
  for await (const { id, type } of jobs.list({ states }, { signal })) {
    screen.line(`waiting for job ${id}, a ${type} of before`)
    const { state, status } = await endOfTry(jobs, id, signal)
    screen.line(
      `  job ${id} ${status === undefined ? `is ${state}` : `ended with ${describeStatus(status)}`}`,
    )
  }
}

async function endOfTry(jobs: JobManager, jobId: string, signal: AbortSignal): Promise<Job> {
  for await (const event of jobs.watch({ jobId }, { signal })) {
    if (event.kind !== 'job') continue
    const { state, status } = event.job
    if (state !== 'queued' && state !== 'active' && (state !== 'done' || status !== undefined))
      return event.job
  }
  return await jobs.wait({ jobId }, { signal })
}

/** Notes the job that the scheduler starts next for the policy. */
function nextStart(scheduler: AllInOne['ports']['scheduler']): { readonly jobId: string | undefined } {
  const seen: { jobId: string | undefined } = { jobId: undefined }
  scheduler.on('task:started', (task) => {
    if (task.policy === policyName) seen.jobId ??= task.jobId
  })
  return seen
}

/** Stores the policy, unless it is stored as it should be. */
async function keepPolicy(
  scheduler: AllInOne['ports']['scheduler'],
  source: string,
  storage: Policy['storage'],
): Promise<StoredPolicy> {
  const stored = await scheduler.getPolicy({ name: policyName })
  const isSame = stored?.selections[0] === source && stored.selections.length === 1
  if (isSame && nameOf(stored.storage) === nameOf(storage)) return stored
  return await scheduler.putPolicy({
    policy: policyFor(source, storage),
    generation: stored?.generation ?? 0,
  })
}

const nameOf = (storage: Policy['storage']): string => (storage.kind === 'any' ? '' : storage.name)

function policyFor(source: string, storage: Policy['storage']): Policy {
  const schedule = (
    changes: Pick<Schedule, 'name' | 'type' | 'frequencyMs' | 'retentionLevel'>,
  ): Schedule => ({
    ...changes,
    windows: always,
  })
  return {
    name: policyName,
    active: true,
    clients: [clientName],
    selections: [toPath(source)],
    storage,
    schedules: [
      schedule({ name: 'full', type: 'full', frequencyMs: 7 * 24 * hourMs, retentionLevel: 3 }),
      schedule({ name: 'incremental', type: 'differential', frequencyMs: hourMs, retentionLevel: 1 }),
    ],
  }
}

/** Where nothing was due: an incremental by hand, or a full while there is none to compare with. */
async function backupByHand(
  { scheduler, catalog }: AllInOne['ports'],
  policy: StoredPolicy,
): Promise<string> {
  let schedule = 'full'
  for await (const _full of catalog.listImages({ policy: policy.name, schedule, limit: 1 }))
    schedule = 'incremental'
  const { jobIds } = await scheduler.runNow({ policy: policy.name, schedule })
  const [jobId] = jobIds
  if (jobId === undefined) throw new NbError('internal', 'the scheduler started no job')
  return jobId
}

function report(job: Job, screen: Screen): void {
  const status = job.status ?? 801
  const { files = 0, bytes = 0 } = job.progress ?? {}
  screen.line(`  job ${job.id} ended with ${describeStatus(status)} (${files} files, ${formatBytes(bytes)})`)
  if (status <= 1) return
  throw new NbError('restore-failed', `job ${job.id}: ${job.statusText ?? describeStatus(status)}`, {
    status,
  })
}

function compare(options: AllInOneOptions, directory: string, since: number, screen: Screen): void {
  const found = compareTrees(options.source, directory, { except: [options.state], since })
  const { entries, bytes, changed, differences, differenceCount } = found
  for (const difference of differences) screen.line(`  ${difference}`)
  if (differenceCount > 0) {
    throw new NbError(
      'restore-failed',
      `${differenceCount} differences between ${options.source} and ${directory}: the warnings above may say why`,
      { status: 5 },
    )
  }
  if (changed > 0) screen.line(`\n${changed} entries differ because they changed since the backup began`)
  screen.line(
    `\nequal: ${entries - changed} entries, ${formatBytes(bytes)} compared byte by byte and attribute by attribute`,
  )
}

/** Tells every later job of the server in a line. */
export async function tellJobs(jobs: JobManager, screen: Screen, signal: AbortSignal): Promise<void> {
  const told = new Map<string, string>()
  const since = Date.now()
  try {
    for await (const event of jobs.watch({ since }, { signal })) {
      if (event.kind !== 'job' || told.get(event.job.id) === event.job.state) continue
      const { id, type, policy, state, status } = event.job
      if (state === 'done' && status === undefined) continue
      told.set(id, state)
      screen.line(
        `job ${id} ${type} ${policy ?? ''} ${status === undefined ? state : describeStatus(status)}`,
      )
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
