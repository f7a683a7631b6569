import {
  type CallOptions,
  type Clock,
  NbError,
  type ScsiCommand,
  type ScsiResult,
  type ScsiTransport,
  throwIfAborted,
} from '@nb/contracts'
import { checkCommand } from '../scsi/check-command.ts'
import type { Association } from './association.ts'
import { lost } from './connection.ts'
import { encodeUnit, highestUnit } from './logical-unit.ts'
import type { Task, TaskTable } from './task-table.ts'

/**
 * A call of `execute`. It is `waiting`, then `sent`, then ended; when it is to be stopped at the target it is `stopping`, and if the target
 * can't stop it, `unstoppable`.
 */
interface Call {
  readonly command: ScsiCommand
  state: 'waiting' | 'sent' | 'stopping' | 'unstoppable' | 'ended'
  task?: Task
  /** With what it ends, if the unit's answer is not faster. */
  stopReason?: Error
  readonly settle: (how: { readonly result: ScsiResult } | { readonly error: Error }) => void
}

/** What a unit needs of the session that it shares with others. */
export interface UnitSession {
  readonly name: string
  readonly clock: Clock
  readonly nexus: number
  /** Whether there is a session, or one is being made. */
  readonly present: boolean
  readonly tasks: TaskTable
  /** Makes sure that there is a session. Rejects as `ScsiTransport.open` does. */
  connect(options?: CallOptions): Promise<void>
  /** Something is to be sent: now, or when there is a session. */
  wake(): void
  /** A command has ended, or may be sent again. */
  ended(): void
  /** Asks the manager of tasks; resolves with its response code. */
  manageTask(request: Parameters<Association['manageTask']>[0]): Promise<number>
  /** Gives the session up: what is under way can't be ended otherwise. */
  giveUp(error: NbError): void
  /** The unit has let go. */
  released(): Promise<void>
}

const defaultTimeoutMs = 60_000
const functionComplete = 0
const taskDoesNotExist = 1
const unitDoesNotExist = 2

/** A logical unit of a session: its commands in their order. */
export class Unit implements ScsiTransport {
  readonly name: string
  readonly queueDepth: number
  readonly #session: UnitSession
  readonly #address: Buffer
  readonly #waiting: Call[] = []
  readonly #active = new Set<Call>()
  #opened = false
  /** Resets under way: nothing is sent meanwhile. */
  #resets = 0

  constructor(session: UnitSession, lun: number, queueDepth: number) {
    if (!Number.isInteger(lun) || lun < 0 || lun > highestUnit)
      throw invalid('lun', `a logical unit is a number from 0 to ${highestUnit}`)
    this.#session = session
    this.#address = encodeUnit(lun)
    this.queueDepth = queueDepth
    this.name = `${session.name}/${lun}`
  }

  get nexus(): number {
    return this.#session.nexus
  }

  /** Whether the session is held for it. */
  get inUse(): boolean {
    return this.#opened
  }

  get activeCount(): number {
    return this.#active.size
  }

  async open(options: CallOptions = {}): Promise<void> {
    throwIfAborted(options)
    this.#opened = true
    try {
      await this.#session.connect(options)
    } catch (error) {
      this.#opened = false
      throw error
    }
  }

  async close(): Promise<void> {
    this.shut()
    const closed = withDetails(lost(`${this.name} was closed`), { sent: true })
    const stopped = [...this.#active].map((call) => this.#stop(call, closed))
    await this.#session.released()
    await Promise.all(stopped)
  }

  async execute(command: ScsiCommand, { signal }: CallOptions = {}): Promise<ScsiResult> {
    checkCommand(command)
    signal?.throwIfAborted()
    if (command.nexus !== undefined && !this.#session.present) throw this.#otherNexus(command)
    this.#opened = true
    return new Promise((resolve, reject) => {
      const cancelTimer = this.#session.clock.setTimer(command.timeoutMs ?? defaultTimeoutMs, () =>
        this.#expire(call),
      )
      const onAbort = (): void => void this.#stop(call, signal?.reason as Error)
      const call: Call = {
        command,
        state: 'waiting',
        settle: (how) => {
          call.state = 'ended'
          this.#active.delete(call)
          cancelTimer()
          signal?.removeEventListener('abort', onAbort)
          if ('result' in how) resolve(how.result)
          else reject(how.error)
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(call)
      this.#session.wake()
    })
  }

  async reset(options: CallOptions = {}): Promise<void> {
    throwIfAborted(options)
    this.#opened = true
    this.unsent(lost(`${this.name} was reset`))
    await this.#session.connect(options)
    this.#resets += 1
    try {
      const response = await this.#session.manageTask({ task: 'resetUnit', unit: this.#address })
      if (response !== functionComplete) throw refusedReset(this.name, response)
      const error = withDetails(lost(`${this.name} was reset`), { sent: true, reset: true })
      await Promise.all([...this.#active].map((call) => this.#forget(call, error)))
    } finally {
      this.#resets -= 1
      this.#session.ended()
    }
  }

  /** Sends the first command that waits, where one may be sent now; says whether it did anything. */
  sendNext(): boolean {
    if (this.#active.size >= this.queueDepth || this.#resets > 0) return false
    const call = this.#waiting.shift()
    if (call === undefined) return false
    if (call.command.nexus !== undefined && call.command.nexus !== this.nexus) {
      call.settle({ error: this.#otherNexus(call.command) })
      return true
    }
    call.state = 'sent'
    this.#active.add(call)
    call.task = this.#session.tasks.start(this.#address, call.command, (result) => {
      call.settle({ result })
      this.#session.ended()
    })
    return true
  }

  /** Commands that wait end unsent. */
  unsent(error: Error): void {
    const unsent = error instanceof NbError ? withDetails(error, { sent: false }) : error
    for (const call of this.#waiting.splice(0)) call.settle({ error: unsent })
  }

  /** Nobody uses it any more. */
  shut(): void {
    this.#opened = false
    this.unsent(lost(`${this.name} was closed`))
  }

  /** The session is lost, and all commands with it. */
  lost(error: NbError): void {
    this.unsent(error)
    const sent = withDetails(error, { sent: true })
    for (const call of [...this.#active]) call.settle({ error: call.stopReason ?? sent })
  }

  #expire(call: Call): void {
    const { timeoutMs = defaultTimeoutMs } = call.command
    const error = new NbError('scsi-timeout', `${this.name} took longer than ${timeoutMs} ms`, {
      details: { timeoutMs, sent: call.state !== 'waiting' },
    })
    if (call.state === 'unstoppable') this.#session.giveUp(error)
    else void this.#stop(call, error)
  }

  /** Ends a command for a reason of ours: one that waits at once, one under way when the target has let it go. */
  async #stop(call: Call, reason: Error): Promise<void> {
    if (call.state === 'waiting') {
      this.#waiting.splice(this.#waiting.indexOf(call), 1)
      call.settle({ error: reason })
    }
    if (call.state !== 'sent' || call.task === undefined) return
    call.state = 'stopping'
    call.stopReason = reason
    const referenced = call.task
    let response: number | undefined
    try {
      response = await this.#session.manageTask({ task: 'abortTask', unit: this.#address, referenced })
    } catch (error) {
      // Refused, or the session is lost, and the call has ended with it.
      if (!(error instanceof NbError)) throw error
    }
    if (call.state !== 'stopping') return
    if (response === functionComplete || response === taskDoesNotExist) {
      await this.#forget(call, reason)
      this.#session.ended()
    } else if (reason instanceof NbError && reason.code === 'scsi-timeout') this.#session.giveUp(reason)
    else call.state = 'unstoppable'
  }

  /** The target works on it no more. */
  #forget(call: Call, error: Error): Promise<void> {
    return new Promise((resolve) => {
      if (call.task === undefined || !this.#active.has(call)) return resolve()
      this.#session.tasks.forget(call.task, () => {
        call.settle({ error })
        resolve()
      })
    })
  }

  #otherNexus({ nexus }: ScsiCommand): NbError {
    return withDetails(lost(`${this.name} was lost since nexus ${nexus}`), { sent: false, nexus: this.nexus })
  }
}

function invalid(field: string, message: string): NbError {
  return new NbError('argument-invalid', message, { details: { field } })
}

function refusedReset(name: string, response: number): NbError {
  const code = response === unitDoesNotExist ? 'not-found' : 'scsi-command-failed'
  return new NbError(code, `${name} was not reset (response ${response})`, { details: { response } })
}

/** The same error, with more to tell. */
function withDetails(error: NbError, details: Readonly<Record<string, number | boolean>>): NbError {
  return new NbError(error.code, error.message, {
    details: { ...error.details, ...details },
    cause: error.cause ?? error,
  })
}
