import {
  type Job,
  type JobLogLine,
  type JobManager,
  type JobProgress,
  displayPath,
  formatBytes,
} from '@nb/contracts'
import cliProgress from 'cli-progress'

/** Where a job's life is shown. */
export interface Screen {
  line(text: string): void
  /** Absent where the output is no terminal. */
  readonly bar?: ProgressBar
}

interface ProgressBar {
  update(progress: JobProgress, elapsedMs: number): void
  hide(): void
}

/** How long the last step, which follows the end of the job, is waited for. */
const lastStepMs = 5000

/** Shows a job's steps and its live progress until it has ended for good and its last step is told; gives the ended job. */
export async function showJob(
  jobs: JobManager,
  jobId: string,
  screen: Screen,
  signal: AbortSignal,
): Promise<Job> {
  const over = new AbortController()
  const watching = follow(jobs, jobId, screen, AbortSignal.any([signal, over.signal]))
  try {
    const job = await jobs.wait({ jobId }, { signal })
    const late = setTimeout(() => over.abort(), lastStepMs)
    await watching
    clearTimeout(late)
    return job
  } finally {
    over.abort()
    screen.bar?.hide()
  }
}

/** Shows what happens until step 17 or the signal. */
async function follow(jobs: JobManager, jobId: string, screen: Screen, signal: AbortSignal): Promise<void> {
  let began: number | undefined
  try {
    for await (const event of jobs.watch({ jobId, lines: true }, { signal })) {
      if (event.kind === 'line') {
        screen.line(formatLine(event.line))
        if (event.line.step?.number === 17) return
      } else if (event.job.progress !== undefined && event.job.state === 'active') {
        began ??= performance.now()
        screen.bar?.update(event.job.progress, performance.now() - began)
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** `12:00:00.123  step  6  catalog          text`. */
export function formatLine({ time, step, component, severity, text }: JobLogLine): string {
  const at = new Date(time).toISOString().slice(11, 23)
  const number = step === undefined ? '       ' : `step ${String(step.number).padStart(2)}`
  return `  ${at}  ${number}  ${component.padEnd(15)} ${severity === 'info' ? '' : `${severity}: `}${text}`
}

/** A screen on standard output; its bar lives on standard error, and only on a terminal. */
export function terminalScreen(): Screen {
  const bar = process.stderr.isTTY ? terminalBar() : undefined
  return {
    line: (text) => {
      bar?.hide()
      process.stdout.write(`${text}\n`)
    },
    ...(bar === undefined ? {} : { bar }),
  }
}

function terminalBar(): ProgressBar {
  const bar = new cliProgress.SingleBar(
    {
      format: (options, params, payload: { readonly text?: string }) => {
        const known =
          params.total > 0 ? `${cliProgress.Format.BarFormat(Math.min(params.progress, 1), options)} ` : ''
        return `  ${known}${payload.text ?? ''}`
      },
      clearOnComplete: true,
      hideCursor: true,
      barsize: 24,
      stopOnComplete: false,
      gracefulExit: false,
    },
    cliProgress.Presets.shades_classic,
  )
  let visible = false
  return {
    update: (progress, elapsedMs) => {
      const total = progress.estimatedBytes ?? 0
      if (!visible) bar.start(total, 0, { text: '' })
      visible = true
      const rate = elapsedMs > 0 ? progress.bytes / (elapsedMs / 1000) : 0
      const path = progress.currentPath === undefined ? '' : displayPath(progress.currentPath).slice(-40)
      const text = `${progress.files} files  ${formatBytes(progress.bytes)}  ${formatBytes(rate)}/s  ${path}`
      bar.setTotal(total)
      bar.update(Math.min(progress.bytes, total), { text })
    },
    hide: () => {
      if (visible) bar.stop()
      visible = false
    },
  }
}
