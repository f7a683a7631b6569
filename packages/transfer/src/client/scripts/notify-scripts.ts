import { lstat } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { type BackupNames, type Clock, counted, NbError } from '@nb/contracts'
import type { ThreadSession } from '../thread-session.ts'
import { OutputLines } from './output-lines.ts'
import { runScript, type ScriptEnd } from './run-script.ts'
import { type FileFacts, scriptFault, scriptNames, type ScriptMoment } from './script-choice.ts'

/** Scripts that a client runs before and after its backups. */
export interface ScriptOptions {
  /**
   * Absolute path of the folder they are in: `start_notify` and `end_notify`, or with `.POLICY` or `.POLICY.SCHEDULE`
   * after that; the most specific one there is runs. Only this host's configuration names it.
   */
  readonly directory: string
  /** How long each may take, milliseconds, 1000–86400000. @default 300000 */
  readonly timeoutMs?: number
}

/** The backup that a script is run for. */
export interface ScriptedBackup {
  readonly jobId: string
  readonly backupId: string
  readonly names: BackupNames
  /** For the script at the end: how the backup ended. */
  readonly status?: number
}

/** What a script's run needs beside. */
export interface ScriptSurroundings {
  readonly clock: Clock
  /** Takes a line for the job's log. */
  readonly line: (severity: 'info' | 'warning', text: string) => void
  /** Told how long the script has run, some times a minute, so that others know that something goes on. */
  readonly onRunning: (scriptMs: number) => void
  /** Takes the running script, so that it can be ended. */
  readonly hold: (session: ThreadSession<ScriptEnd>) => void
}

const outputBounds = { mostLines: 200, mostCharacters: 1000 }
const signOfLifeMs = 10_000
const status77 = 'status 77: a script of the user ended with an error'

/** The notify scripts of a client. */
export class NotifyScripts {
  readonly #directory: string
  readonly #timeoutMs: number

  constructor({ directory, timeoutMs = 300_000 }: ScriptOptions) {
    if (!isAbsolute(directory)) throw new TypeError('scripts.directory must be an absolute path')
    if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1000 || timeoutMs > 86_400_000)
      throw new TypeError('scripts.timeoutMs must be a whole number from 1000 to 86400000')
    this.#directory = directory
    this.#timeoutMs = timeoutMs
  }

  /**
   * Runs the start script, where there is one.
   *
   * @throws NbError `start-notify-failed` (73), also for a script that is not safe to run, `start-notify-timeout` (74),
   *   what it was aborted with
   */
  async start(backup: ScriptedBackup, surroundings: ScriptSurroundings): Promise<void> {
    const file = await this.#choose('start', backup.names).catch((error: unknown) => {
      throw new NbError('start-notify-failed', (error as Error).message, { cause: error })
    })
    if (file === undefined) return
    const end = await this.#run('start', file, backup, surroundings)
    if (end.kind === 'timed-out') {
      throw new NbError(
        'start-notify-timeout',
        `The start script ${file} took longer than ${seconds(this.#timeoutMs)} and was ended; nothing was read.`,
        { details: { script: file } },
      )
    }
    const fault = faultOf(end)
    if (fault === undefined) return
    throw new NbError('start-notify-failed', `The start script ${file} ${fault}; nothing was read.`, {
      details: { script: file },
    })
  }

  /**
   * Runs the end script, where there is one. One that fails, or is not safe to run, is a warning.
   *
   * @returns how many warnings it gave
   * @throws NbError `end-notify-timeout` (75), what it was aborted with
   */
  async end(backup: ScriptedBackup, surroundings: ScriptSurroundings): Promise<number> {
    let fault: string | undefined
    let file: string | undefined
    try {
      file = await this.#choose('end', backup.names)
    } catch (error) {
      fault = (error as Error).message
    }
    if (file !== undefined) {
      const end = await this.#run('end', file, backup, surroundings)
      if (end.kind === 'timed-out') {
        throw new NbError(
          'end-notify-timeout',
          `The end script ${file} took longer than ${seconds(this.#timeoutMs)} and was ended.`,
          { details: { script: file } },
        )
      }
      const failure = faultOf(end)
      if (failure !== undefined) fault = `The end script ${file} ${failure}`
    }
    if (fault === undefined) return 0
    surroundings.line('warning', `${fault} (${status77})`)
    return 1
  }

  /** The script for a backup. Throws why one that is there is not run. */
  async #choose(moment: ScriptMoment, names: BackupNames): Promise<string | undefined> {
    for (const name of scriptNames(moment, names)) {
      const file = join(this.#directory, name)
      const facts = await factsOf(file)
      if (facts === undefined) continue
      const folder = await factsOf(this.#directory)
      const fault =
        process.getuid === undefined
          ? 'this platform does not tell who may write to it'
          : scriptFault(facts, folder ?? { ...facts, isDirectory: false }, process.getuid())
      if (fault === undefined) return file
      throw new Error(`The ${moment} script ${file} is not run: ${fault}.`)
    }
    return undefined
  }

  async #run(
    moment: ScriptMoment,
    file: string,
    backup: ScriptedBackup,
    { clock, line, onRunning, hold }: ScriptSurroundings,
  ): Promise<ScriptEnd> {
    line('info', `runs ${moment} script ${file}`)
    const output = new OutputLines(outputBounds, (text) => line('info', `${moment} script: ${text}`))
    const begun = clock.now()
    let cancel = (): void => undefined
    const tell = (): void => {
      onRunning(clock.now() - begun)
      cancel = clock.setTimer(signOfLifeMs, tell)
    }
    tell()
    try {
      const session = runScript({
        file,
        args: argumentsFor(backup),
        env: environmentFor(backup),
        timeoutMs: this.#timeoutMs,
        clock,
        onOutput: (bytes) => output.push(bytes),
      })
      hold(session)
      return await session.result
    } finally {
      cancel()
      const left = output.finish()
      if (left > 0) line('info', `${moment} script: ${counted(left, 'more line')} of output`)
    }
  }
}

/** Client, policy, schedule, its type, and at the end the status. */
function argumentsFor({ backupId, names, status }: ScriptedBackup): string[] {
  const { policy, schedule, scheduleType } = names
  return [
    clientOf(backupId),
    policy,
    schedule,
    scheduleType,
    ...(status === undefined ? [] : [String(status)]),
  ]
}

/** Nothing of the agent's own environment, which may hold secrets, but the language and the time zone. */
function environmentFor(backup: ScriptedBackup): Record<string, string> {
  const { jobId, backupId, names, status } = backup
  const { LANG, LC_ALL, TZ } = process.env
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...(LANG === undefined ? {} : { LANG }),
    ...(LC_ALL === undefined ? {} : { LC_ALL }),
    ...(TZ === undefined ? {} : { TZ }),
    NB_JOB_ID: jobId,
    NB_BACKUP_ID: backupId,
    NB_CLIENT: clientOf(backupId),
    NB_POLICY: names.policy,
    NB_SCHEDULE: names.schedule,
    NB_SCHEDULE_TYPE: names.scheduleType,
    ...(status === undefined ? {} : { NB_STATUS: String(status) }),
  }
}

function clientOf(backupId: string): string {
  const end = backupId.lastIndexOf('_')
  return end < 0 ? backupId : backupId.slice(0, end)
}

function faultOf(end: ScriptEnd): string | undefined {
  switch (end.kind) {
    case 'exited':
      return end.code === 0 ? undefined : `ended with exit status ${end.code}`
    case 'killed':
      return `was ended by ${end.signal}`
    case 'not-started':
      return `could not be started: ${end.reason}`
    case 'timed-out':
      return 'took too long'
  }
}

async function factsOf(path: string): Promise<FileFacts | undefined> {
  try {
    // Not through a link: who may change where it leads is not seen here.
    const found = await lstat(path)
    return { isFile: found.isFile(), isDirectory: found.isDirectory(), uid: found.uid, mode: found.mode }
  } catch (error) {
    const { code } = error as { readonly code?: string }
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

function seconds(ms: number): string {
  return counted(Math.round(ms / 1000), 'second')
}
