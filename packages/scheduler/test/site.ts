import type { JobLogLine, Policy, Scheduler, Store } from '@nb/contracts'
import {
  type ScriptedJobs,
  type VirtualClock,
  collect,
  createScriptedJobs,
  createVirtualClock,
} from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import { type SchedulerComponents, type SchedulerOptions, createScheduler } from '../src/scheduler.ts'

/** A master server with nothing but a scheduler, and jobs that end when the test says so. */
export interface Site {
  readonly clock: VirtualClock
  readonly scripted: ScriptedJobs
  readonly lines: readonly { readonly jobId: string; readonly line: JobLogLine }[]
  /** Starts the scheduler, as after a restart. */
  readonly boot: () => Promise<ReturnType<typeof createScheduler>>
  /** When each job so far was asked for, to the minute, and by which schedule. */
  readonly starts: () => readonly string[]
}

/** Thursday, 1 January 2026, 07:00 UTC unless told otherwise. */
export function site(
  options: SchedulerOptions & {
    readonly at?: number
    readonly database?: () => Store
    readonly clients?: SchedulerComponents['clients']
  } = {},
): Site {
  const { at = Date.UTC(2026, 0, 1, 7), clients, database, ...rest } = options
  const clock = createVirtualClock(at)
  const scripted = createScriptedJobs(clock)
  const lines: { readonly jobId: string; readonly line: JobLogLine }[] = []
  const log = {
    append: async (input: { readonly jobId: string; readonly lines: readonly JobLogLine[] }) => {
      for (const line of input.lines) lines.push({ jobId: input.jobId, line })
    },
  }
  const memory = new MemoryLevel<string, string>()
  return {
    clock,
    scripted,
    lines,
    boot: async () => {
      const store = database?.() ?? memory
      const components = { ...scripted, clock, log, store, ...(clients === undefined ? {} : { clients }) }
      const scheduler = createScheduler(components, { timeZone: 'UTC', ...rest })
      await scheduler.start()
      return scheduler
    },
    starts: () =>
      scripted.submitted.map(({ lines: [line], schedule }) => {
        return `${new Date(line?.time ?? 0).toISOString().slice(0, 16)} ${schedule.name}`
      }),
  }
}

/** What would start of a policy in some days from now. */
export async function preview(
  scheduler: Scheduler,
  policy: Policy,
  from: number,
  days: number,
): Promise<string[]> {
  await scheduler.putPolicy({ policy })
  const to = from + days * 86_400_000
  const runs = await collect(scheduler.preview({ policy: policy.name, from, to }))
  return runs.map(({ startsAt, schedule }) => `${new Date(startsAt).toISOString().slice(0, 16)} ${schedule}`)
}
