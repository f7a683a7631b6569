import {
  type Clock,
  type Job,
  type JobLog,
  type JobManager,
  type JobManagerEvents,
  type Lifecycle,
  type Logger,
  type Observable,
  asNbError,
  debugLogger,
  describeStatus,
} from '@nb/contracts'
import { type HookEnd, type HookRunner, hookRunner } from './run-hook.ts'

/** What a notifier asks for. */
export interface JobNotifierComponents {
  readonly jobs: Pick<JobManager, 'get'> & Pick<Observable<JobManagerEvents>, 'on' | 'off'>
  /** Where the command's output and failure go. */
  readonly jobLog: JobLog
  readonly clock: Clock
  /** Runs the command. @default as a process of this host, without a shell */
  readonly run?: HookRunner
  /** @default `debugLogger('nb:jobmanager:notifier')` */
  readonly log?: Logger
}

/** Options of {@link createJobNotifier}. */
export interface JobNotifierOptions {
  /** The program and its arguments, run as they are: no shell looks at them. */
  readonly command: readonly [program: string, ...args: readonly string[]]
  /** Which jobs: those that ended with a status above 1, or all that ended. @default 'failed' */
  readonly which?: 'failed' | 'all'
  /** Whether the parts of a parent are told too, or the parent only. @default true */
  readonly parts?: boolean
  /**
   * How long the command may run before it is killed, and how long `stop` goes on telling of jobs that wait for it,
   * milliseconds, 100–3600000. @default 60000
   */
  readonly timeoutMs?: number
  /** How many commands run at once; others wait, 1–100. @default 4 */
  readonly atOnce?: number
}

/**
 * Tells a command of jobs that have ended.
 *
 * Obligations: each job that ends while it runs is told at most once; jobs never wait for the command; what the command
 * wrote, and its failure, are lines in the job's log. It is started before the job manager and stopped after it, so that it
 * hears of the jobs which the manager ends at its own start and stop.
 *
 * Nothing is remembered over a restart: a job whose end is written, and whose command had not run to its end when the
 * process was killed, is not told again. Its log has no line of the notifier then.
 */
export interface JobNotifier extends Required<Lifecycle> {
  /** Resolves when no command runs or waits. */
  settled(): Promise<void>
}

/** Makes a notifier. Throws a `TypeError` for options out of bounds. */
export function createJobNotifier(
  components: JobNotifierComponents,
  options: JobNotifierOptions,
): JobNotifier {
  const {
    jobs,
    jobLog,
    clock,
    run = hookRunner(clock),
    log = debugLogger('nb:jobmanager:notifier'),
  } = components
  const { command, which = 'failed', parts = true, timeoutMs = 60_000, atOnce = 4 } = options
  if (command.length === 0 || command[0] === '') throw new TypeError('command must name a program')
  if (!(timeoutMs >= 100 && timeoutMs <= 3_600_000)) throw new TypeError('timeoutMs must be 100–3600000')
  if (!(Number.isInteger(atOnce) && atOnce >= 1 && atOnce <= 100)) throw new TypeError('atOnce must be 1–100')
  const waiting: string[] = []
  const under = new Set<Promise<void>>()

  const say = (jobId: string, text: string, severity: 'info' | 'warning'): Promise<void> =>
    jobLog.append({
      jobId,
      lines: [{ time: clock.now(), component: 'job-notifier', severity, text }],
    })
  const tell = async (jobId: string): Promise<void> => {
    const job = await jobs.get({ jobId })
    if (job === undefined || (!parts && job.parentId !== undefined)) return
    try {
      const end = await run({
        command,
        environment: factsOf(job),
        input: `${JSON.stringify(job)}\n`,
        timeoutMs,
      })
      for (const line of end.output.split('\n').filter((text) => text.trim() !== ''))
        await say(jobId, `notify command: ${line}`, 'info')
      const failure = failureOf(end, timeoutMs)
      await say(jobId, failure ?? `the notify command ${command[0]} was told`, failure ? 'warning' : 'info')
    } catch (error) {
      await say(
        jobId,
        `the notify command ${command[0]} could not be run: ${asNbError(error).message}`,
        'warning',
      )
    }
  }
  const next = (): void => {
    while (under.size < atOnce) {
      const jobId = waiting.shift()
      if (jobId === undefined) return
      const told = tell(jobId)
        .catch((error: unknown) => log.error('the end of job %s was not told: %o', jobId, error))
        .finally(() => {
          under.delete(told)
          next()
        })
      under.add(told)
    }
  }
  const onFinished = ({ jobId, status }: JobManagerEvents['job:finished']): void => {
    if (which === 'failed' && status <= 1) return
    waiting.push(jobId)
    next()
  }
  const settled = async (): Promise<void> => {
    while (under.size > 0) await Promise.all(under)
  }
  const giveUp = (): void => {
    for (const jobId of waiting.splice(0)) {
      const said = say(jobId, `the notify command ${command[0]} was not told: the server ended`, 'warning')
        .catch((error: unknown) => log.error('that job %s was not told is not in its log: %o', jobId, error))
        .finally(() => under.delete(said))
      under.add(said)
    }
  }
  return {
    start: async () => void jobs.on('job:finished', onFinished),
    stop: async () => {
      jobs.off('job:finished', onFinished)
      const cancel = clock.setTimer(timeoutMs, giveUp)
      await settled()
      cancel()
    },
    settled,
  }
}

/** The facts of a job as environment variables. */
export function factsOf(job: Job): Readonly<Record<string, string>> {
  const { status = 0 } = job
  const facts: Readonly<Record<string, string | number | undefined>> = {
    NB_JOB_ID: job.id,
    NB_JOB_TYPE: job.type,
    NB_JOB_ORIGIN: job.origin,
    NB_JOB_PARENT: job.parentId,
    NB_POLICY: job.policy,
    NB_SCHEDULE: job.schedule,
    NB_CLIENT: job.client,
    NB_STREAM: job.stream,
    NB_STATUS: status,
    NB_STATUS_MEANING: describeStatus(status),
    NB_STATUS_TEXT: job.statusText,
    NB_BACKUP_ID: job.backupId,
    NB_MEDIA_SERVER: job.mediaServer,
    NB_STORAGE_UNIT: job.storageUnit,
    NB_ATTEMPT: job.attempt,
    NB_WARNINGS: job.warnings,
    NB_STARTED: isoTime(job.submittedAt),
    NB_ENDED: job.endedAt === undefined ? undefined : isoTime(job.endedAt),
  }
  const given = Object.entries(facts).filter(
    (fact): fact is [string, string | number] => fact[1] !== undefined,
  )
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}

function failureOf({ code, timedOut }: HookEnd, timeoutMs: number): string | undefined {
  if (timedOut) return `the notify command did not end within ${timeoutMs} ms and was killed`
  if (code === undefined) return 'the notify command was killed'
  return code === 0 ? undefined : `the notify command ended with code ${code}`
}

function isoTime(time: number): string {
  return new Date(time).toISOString()
}
