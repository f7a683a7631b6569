// One backup or one restore, or verifications, through the real flow, in a process of its own, so that time and memory can be taken:
//   all-in-one-run.ts backup STATE SOURCE
//   all-in-one-run.ts compressed STATE SOURCE     a full backup too, with zstd and a digest for each file
//   all-in-one-run.ts incremental STATE SOURCE
//   all-in-one-run.ts restore STATE SOURCE BACKUP-ID TARGET [FILE]     all of it, or one file below SOURCE, for the second time
//   all-in-one-run.ts verify STATE SOURCE BACKUP-ID     four at once, and four one after the other
// Prints a line of JSON, see OwnRun.

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Job, type Policy, describeStatus, toPath, verifyJobRequest } from '@nb/contracts'
import { type AllInOne, clientName } from '@nb/example-all-in-one/compose'
import type { OwnRun } from './own-run.ts'
import { withServer } from './with-server.ts'

const [action, state, source, backupId, target, file] = process.argv.slice(2)
if (state === undefined || source === undefined) throw new TypeError('usage: see the head of this file')

/** A server that has been up for a moment, as one is when work comes. */
const UP_MS = 1000

/** So many verifications follow one another: what one leaves in memory, the next ones would add to. */
const VERIFICATIONS = 4

const run = await withServer(state, async (server) => {
  await setTimeout(UP_MS)
  if (action === 'verify') return verifyAgainAndAgain(server)
  return action === 'restore'
    ? restoreAllOrOne(server, source)
    : backUp(
        server,
        policyFor(source, action === 'compressed'),
        action === 'incremental' ? 'incremental' : 'full',
      )
})
process.stdout.write(`${JSON.stringify(run)}\n`)

async function backUp(
  { ports }: AllInOne,
  policy: Policy,
  schedule: 'full' | 'incremental',
): Promise<OwnRun> {
  if (schedule === 'full') await ports.scheduler.putPolicy({ policy })
  const run = await timed(ports.jobs, async () => {
    const { jobIds } = await ports.scheduler.runNow({ policy: 'bench', schedule })
    return jobIds[0] ?? ''
  })
  const image = await ports.catalog.getImage({ backupId: run.backupId })
  if (image?.state !== 'complete') throw new Error(`image ${run.backupId} is ${image?.state ?? 'not there'}`)
  return run
}

/** One file is restored twice, and the second time counts: what a server does first of all is no part of what a restore costs. */
async function restoreAllOrOne(server: AllInOne, folder: string): Promise<OwnRun> {
  if (backupId === undefined || target === undefined) throw new TypeError('BACKUP-ID and TARGET are missing')
  const from = { client: clientName, backupId }
  if (file === undefined) return restore(server, from, folder, folder, target)
  await restore(server, from, folder, file, join(target, 'first'))
  return restore(server, from, folder, file, join(target, 'second'))
}

function restore(
  { ports }: AllInOne,
  from: { readonly client: string; readonly backupId: string },
  folder: string,
  path: string,
  directory: string,
): Promise<OwnRun> {
  return timed(ports.jobs, async () => {
    const { jobId } = await ports.restores.submit({
      requestId: directory,
      from,
      paths: [toPath(path)],
      target: { kind: 'directory', directory: toPath(directory), strip: toPath(folder) },
    })
    return jobId
  })
}

/** Gives the run of the last. */
async function verifyAgainAndAgain({ ports }: AllInOne): Promise<OwnRun> {
  if (backupId === undefined) throw new TypeError('BACKUP-ID is missing')
  const image = await ports.catalog.getImage({ backupId })
  if (image === undefined) throw new Error(`there is no image ${backupId}`)
  const verify = (): Promise<OwnRun> =>
    timed(ports.jobs, async () => {
      const { jobId } = await ports.jobs.submit(verifyJobRequest(image, { requestId: randomUUID() }))
      return jobId
    })
  await Promise.all(Array.from({ length: VERIFICATIONS }, verify))
  for (let done = 1; done < VERIFICATIONS; done++) await verify()
  return verify()
}

/** From before the submission to after the true end of the job. */
async function timed(jobs: AllInOne['ports']['jobs'], submit: () => Promise<string>): Promise<OwnRun> {
  const cpuBefore = process.cpuUsage()
  const begun = process.hrtime.bigint()
  const job = await jobs.wait({ jobId: await submit() })
  const wallMs = Number(process.hrtime.bigint() - begun) / 1e6
  const { user, system } = process.cpuUsage(cpuBefore)
  if ((job.status ?? 130) > 1) throw new Error(await story(jobs, job))
  const { files = 0, bytes = 0 } = job.progress ?? {}
  return {
    wallMs,
    cpuMs: (user + system) / 1000,
    files,
    bytes,
    warnings: job.warnings,
    backupId: job.backupId ?? '',
  }
}

async function story(jobs: AllInOne['ports']['jobs'], { id, status, statusText }: Job): Promise<string> {
  const lines = [`job ${id} ended with ${describeStatus(status ?? 130)}: ${statusText ?? ''}`]
  for await (const { component, severity, text } of jobs.log({ jobId: id })) {
    if (severity !== 'info') lines.push(`${component}: ${text}`)
  }
  return lines.join('\n')
}

/** Never due by itself: it has no window. */
function policyFor(folder: string, isCompressed: boolean): Policy {
  return {
    name: 'bench',
    active: true,
    clients: [clientName],
    selections: [toPath(folder)],
    storage: { kind: 'any' },
    ...(isCompressed ? ({ compression: 'zstd', digest: 'sha256' } as const) : {}),
    schedules: [
      { name: 'full', type: 'full', frequencyMs: 86_400_000, windows: [], retentionLevel: 1 },
      { name: 'incremental', type: 'differential', frequencyMs: 3_600_000, windows: [], retentionLevel: 1 },
    ],
  }
}
