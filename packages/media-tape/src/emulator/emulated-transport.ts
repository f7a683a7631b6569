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
import { scsiStatus } from '../scsi/command-codes.ts'
import type { LogicalUnit, Outcome } from './target/logical-unit.ts'

/** What a transport in process works with. */
export interface EmulatedTransportParts {
  readonly clock: Clock
  readonly name: string
  readonly queueDepth: number
  /** The name by which the unit knows this host. */
  readonly initiator: string
  readonly unit: LogicalUnit
  /** Whether the unit has power and can be reached. */
  isReachable(): boolean
}

interface Entry {
  readonly command: ScsiCommand
  readonly abort: AbortController
  readonly resolve: (result: ScsiResult) => void
  readonly reject: (error: unknown) => void
  /** Stops waiting for the time and the caller's signal. */
  readonly done: () => void
  sent: boolean
}

const defaultTimeoutMs = 60_000

/** A `ScsiTransport` to a unit of an emulated library. */
export class EmulatedTransport implements ScsiTransport {
  readonly name: string
  readonly queueDepth: number
  readonly #parts: EmulatedTransportParts
  readonly #waiting: Entry[] = []
  readonly #running = new Set<Entry>()
  #nexus = 0
  #connected = false

  constructor(parts: EmulatedTransportParts) {
    this.#parts = parts
    this.name = parts.name
    this.queueDepth = parts.queueDepth
  }

  get nexus(): number {
    return this.#nexus
  }

  async open(options?: CallOptions): Promise<void> {
    throwIfAborted(options)
    this.#connect()
  }

  async close(): Promise<void> {
    if (this.#connected) this.lose('it was closed')
  }

  async execute(command: ScsiCommand, options?: CallOptions): Promise<ScsiResult> {
    throwIfAborted(options)
    checkCommand(command)
    return new Promise((resolve, reject) => {
      const entry: Entry = {
        command,
        abort: new AbortController(),
        resolve,
        reject,
        sent: false,
        done: () => {
          stopTimer()
          options?.signal?.removeEventListener('abort', onAbort)
        },
      }
      const onAbort = (): void => this.#giveUp(entry, options?.signal?.reason)
      const timeoutMs = command.timeoutMs ?? defaultTimeoutMs
      const stopTimer = this.#parts.clock.setTimer(timeoutMs, () => {
        const details = { transport: this.name, timeoutMs, sent: entry.sent }
        this.#giveUp(
          entry,
          new NbError('scsi-timeout', `${this.name} took longer than ${timeoutMs} ms`, { details }),
        )
      })
      options?.signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(entry)
      this.#pump()
    })
  }

  async reset(options?: CallOptions): Promise<void> {
    throwIfAborted(options)
    for (const entry of this.#waiting.splice(0)) {
      entry.done()
      entry.reject(this.#lost('it was reset', false))
    }
    this.#connect()
    for (const { abort } of this.#running) abort.abort(this.#lost('it was reset', true))
    this.#parts.unit.reset()
    await this.#parts.unit.tasksEnded()
  }

  /** The connection breaks: all that is under way ends, and what waits with it. */
  lose(why: string): void {
    this.cut(why)()
  }

  /** The connection breaks, and those who wait for answers learn of it with the call of what this gives. */
  cut(why: string): () => void {
    this.#connected = false
    const ended = [...this.#running, ...this.#waiting.splice(0)]
    this.#running.clear()
    for (const entry of ended) {
      entry.done()
      entry.abort.abort(new Error(why))
    }
    this.#parts.unit.nexusLost(this.#parts.initiator)
    return () => ended.forEach((entry) => entry.reject(this.#lost(why, entry.sent)))
  }

  #connect(): void {
    if (this.#connected) return
    if (!this.#parts.isReachable()) throw this.#lost('nobody answers', false)
    this.#connected = true
    this.#nexus += 1
    this.#parts.unit.attentions.know(this.#parts.initiator)
  }

  #lost(why: string, sent: boolean): NbError {
    return new NbError('scsi-transport-lost', `the connection to ${this.name} is lost: ${why}`, {
      details: { transport: this.name, sent },
    })
  }

  /** The caller wants no more of it, or its time is up. */
  #giveUp(entry: Entry, reason: unknown): void {
    const at = this.#waiting.indexOf(entry)
    if (at >= 0) {
      this.#waiting.splice(at, 1)
      this.#end(entry)
      entry.reject(reason)
    } else entry.abort.abort(reason)
  }

  #pump(): void {
    while (this.#running.size < this.queueDepth) {
      const entry = this.#waiting.shift()
      if (entry === undefined) return
      this.#send(entry)
    }
  }

  #send(entry: Entry): void {
    const { command, abort } = entry
    try {
      if (command.nexus === undefined) this.#connect()
      if (command.nexus !== undefined && (!this.#connected || command.nexus !== this.#nexus))
        throw this.#lost(`the command was for connection ${command.nexus}, this is ${this.#nexus}`, false)
    } catch (error) {
      this.#end(entry)
      entry.reject(error)
      return
    }
    entry.sent = true
    this.#running.add(entry)
    const dataOut = command.dataOut ?? new Uint8Array(0)
    this.#parts.unit.execute(this.#parts.initiator, command.cdb, dataOut, abort.signal).then(
      (outcome) => this.#ended(entry, outcome),
      (error: unknown) => {
        this.#end(entry)
        entry.reject(error)
        this.#pump()
      },
    )
  }

  #ended(entry: Entry, outcome: Outcome): void {
    // Those of a connection that was lost have been answered.
    if (!this.#running.has(entry)) return
    if (outcome.end === 'lost') return this.lose('it broke')
    const { signal } = entry.abort
    if (outcome.end === 'silent' && !signal.aborted) {
      signal.addEventListener('abort', () => this.#ended(entry, { end: 'aborted' }), { once: true })
      return
    }
    this.#end(entry)
    if (outcome.end === 'answered') entry.resolve(resultOf(entry.command, outcome))
    else if (signal.aborted) entry.reject(signal.reason)
    // Somebody else ended it: a reset of the unit, or a preemption.
    else entry.resolve({ status: scsiStatus.taskAborted, dataInBytes: 0, dataOutBytes: 0 })
    this.#pump()
  }

  #end(entry: Entry): void {
    entry.done()
    this.#running.delete(entry)
  }
}

function resultOf({ dataIn }: ScsiCommand, outcome: Extract<Outcome, { end: 'answered' }>): ScsiResult {
  const given = outcome.dataIn.subarray(0, dataIn?.length ?? 0)
  dataIn?.set(given)
  const { status, sense, dataOutBytes } = outcome
  return { status, ...(sense === undefined ? {} : { sense }), dataInBytes: given.length, dataOutBytes }
}
