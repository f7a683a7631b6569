import { asNbError, type Clock, NbError } from '@nb/contracts'
import type { JobLines } from '../job-lines.ts'
import type { NotifyScripts, ScriptedBackup } from './notify-scripts.ts'

interface Running {
  done: Promise<void>
  abort: (error: NbError) => void
}

/** End scripts of backups that failed: each beside all else, told of in its job's log alone. */
export class LateEndScripts {
  readonly #scripts: NotifyScripts | undefined
  readonly #clock: Clock
  readonly #running = new Set<Running>()

  constructor(scripts: NotifyScripts | undefined, clock: Clock) {
    this.#scripts = scripts
    this.#clock = clock
  }

  begin({ jobId, backupId, names }: ScriptedBackup, status: number, lines: JobLines): void {
    const scripts = this.#scripts
    if (scripts === undefined) return
    let failure: NbError | undefined
    let end: ((error: NbError) => void) | undefined
    const running: Running = {
      done: Promise.resolve(),
      abort: (error) => {
        failure ??= error
        end?.(failure)
      },
    }
    const run = async (): Promise<void> => {
      try {
        await scripts.end(
          { jobId, backupId, names, status },
          {
            clock: this.#clock,
            line: (severity, text) => lines.line(severity, text),
            onRunning: () => undefined,
            hold: (session) => {
              end = (error) => session.abort(error)
              if (failure !== undefined) session.abort(failure)
            },
          },
        )
      } catch (error) {
        lines.line('warning', asNbError(error).message)
      }
      await lines.finish()
      this.#running.delete(running)
    }
    this.#running.add(running)
    running.done = run()
  }

  /** Ends those that run. */
  async stop(): Promise<void> {
    const reason = new NbError(
      'session-killed',
      'The client agent is being stopped; its end script was ended.',
    )
    for (const { abort } of this.#running) abort(reason)
    await Promise.all([...this.#running].map(({ done }) => done))
  }
}
