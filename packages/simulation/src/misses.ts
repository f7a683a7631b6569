import type { SimulatedJob, WaitedFor, WindowMiss } from './results.ts'

/**
 * The windows in which a run was due and did not succeed. The jobs of one policy, client and stream whose window closes at
 * the same moment are one run: a try that went well makes good for those that failed before it. Runs whose window is open
 * still, or whose job has not ended, are not judged yet.
 */
export function windowMisses(
  jobs: readonly SimulatedJob[],
  until: number,
  waitedFor: (jobId: string) => WaitedFor | undefined,
): WindowMiss[] {
  const runs = new Map<string, SimulatedJob[]>()
  for (const job of jobs) {
    if (job.policy === undefined || job.windowClosesAt === undefined || job.windowClosesAt > until) continue
    const key = `${job.policy}/${job.client}/${job.stream ?? ''}/${job.windowClosesAt}`
    const run = runs.get(key)
    if (run === undefined) runs.set(key, [job])
    else run.push(job)
  }
  const misses: WindowMiss[] = []
  for (const run of runs.values()) {
    const miss = judge(run, waitedFor)
    if (miss !== undefined) misses.push(miss)
  }
  return misses.sort(
    (a, b) => a.closesAt - b.closesAt || compare(a.policy, b.policy) || compare(a.client, b.client),
  )
}

function judge(
  run: readonly SimulatedJob[],
  waitedFor: (jobId: string) => WaitedFor | undefined,
): WindowMiss | undefined {
  const first = run[0] as SimulatedJob
  const last = run.at(-1) as SimulatedJob
  if (run.some(({ status }) => status === undefined)) return undefined
  const good = run.find(({ status }) => (status as number) <= 1)
  const late = good !== undefined && (good.activeAt ?? Infinity) >= (good.windowClosesAt as number)
  if (good !== undefined && !late) return undefined
  const told = good ?? last
  const reason = waitedFor(told.id)
  return {
    kind: late ? 'started-late' : told.status === 196 ? 'not-started' : 'failed',
    policy: told.policy as string,
    client: told.client,
    ...(told.stream === undefined ? {} : { stream: told.stream }),
    schedule: told.schedule ?? '',
    dueAt: first.submittedAt,
    closesAt: told.windowClosesAt as number,
    jobId: told.id,
    status: told.status as number,
    ...(reason === undefined ? {} : { waitedFor: reason }),
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
