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
import { nativeSgCalls } from './native-calls.ts'
import type { SgCalls, SgDevice, SgMemory } from './sg-calls.ts'
import { endOf, refusal } from './sg-ends.ts'
import { answerIn, layout, putRequest, type SgRequest } from './sg-io-header.ts'

/** What a transport to a device of this host works with. */
export interface SgComponents {
  readonly clock: Clock
  /** @default those of this machine, through `koffi` */
  readonly calls?: SgCalls
}

/** Which device. */
export interface SgTransportOptions {
  /** `/dev/sgN`, the generic node of a unit; also `/dev/nstN` and others whose driver passes SG_IO on. */
  readonly path: string
}

/** A call of `execute`: it waits, is under way in the kernel, or has ended. */
interface Call {
  readonly command: ScsiCommand
  /** The clock's milliseconds at which its time is up. */
  readonly deadlineMs: number
  /** Ends what may take it out of the row. */
  readonly begun: () => void
  readonly settle: (how: { readonly result: ScsiResult } | { readonly error: Error }) => void
}

const defaultTimeoutMs = 60_000
/** Room for a block of the format, so that memory is taken once. */
const usualDataBytes = 256 * 1024

/**
 * Makes the transport to a unit that this host's kernel has found, through SG_IO.
 *
 * One command is under way at once: the kernel gives no order to those of several threads. It can't abort one either; a command whose
 * signal aborts ends with its answer, or when its time is up: then the kernel aborts it at the unit. The kernel connects by itself again
 * after a loss that no command of ours met; it shows as a unit attention alone, and {@link ScsiTransport.nexus} stays as it was.
 * @throws NbError `argument-invalid`; `not-supported` where the system has no such calls
 */
export function createSgTransport(components: SgComponents, options: SgTransportOptions): ScsiTransport {
  const { path } = options
  if (!path.startsWith('/') || path.includes('\0'))
    throw invalid('path', `a device is named by an absolute path, not by '${path}'`)
  if (path.startsWith('/dev/bsg/'))
    throw new NbError('not-supported', `${path} takes another header: name the /dev/sgN of the same unit`)
  return new SgTransport(components.clock, components.calls ?? nativeSgCalls(), path)
}

class SgTransport implements ScsiTransport {
  readonly name: string
  readonly queueDepth = 1
  readonly #clock: Clock
  readonly #calls: SgCalls
  readonly #waiting: Call[] = []
  #memory: SgMemory
  #nexus = 0
  #device: SgDevice | undefined
  #opening: Promise<SgDevice> | undefined
  /** The command under way, until the kernel has ended it. */
  #running: Promise<void> | undefined
  #resets = 0

  constructor(clock: Clock, calls: SgCalls, path: string) {
    this.#clock = clock
    this.#calls = calls
    this.name = path
    this.#memory = calls.allocate(layout.data + usualDataBytes)
  }

  get nexus(): number {
    return this.#nexus
  }

  async open(options?: CallOptions): Promise<void> {
    throwIfAborted(options)
    await this.#connect()
  }

  async close(): Promise<void> {
    this.#unsent(this.#lost('it was closed', false))
    await this.#opening?.catch(() => undefined)
    // What the kernel works on, it reads and writes our memory for.
    await this.#running
    await this.#disconnect()
  }

  async execute(command: ScsiCommand, { signal }: CallOptions = {}): Promise<ScsiResult> {
    checkCommand(command)
    signal?.throwIfAborted()
    if (command.nexus !== undefined && this.#device === undefined) throw this.#otherNexus(command.nexus)
    const { timeoutMs = defaultTimeoutMs } = command
    return new Promise((resolve, reject) => {
      const leave = (error: Error): void => {
        this.#waiting.splice(this.#waiting.indexOf(call), 1)
        call.begun()
        reject(error)
      }
      const onAbort = (): void => leave(signal?.reason as Error)
      const stopTimer = this.#clock.setTimer(timeoutMs, () => {
        const details = { timeoutMs, sent: false }
        leave(new NbError('scsi-timeout', `${this.name} was busy for ${timeoutMs} ms`, { details }))
      })
      const call: Call = {
        command,
        deadlineMs: this.#clock.now() + timeoutMs,
        begun: () => {
          stopTimer()
          signal?.removeEventListener('abort', onAbort)
        },
        settle: (how) => {
          call.begun()
          if ('result' in how) resolve(how.result)
          else reject(how.error)
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(call)
      this.#next()
    })
  }

  async reset(options?: CallOptions): Promise<void> {
    throwIfAborted(options)
    this.#unsent(this.#lost('it was reset', false))
    const device = await this.#connect()
    this.#resets += 1
    try {
      const errno = await device.reset()
      if (errno !== 0) throw refusal(this.name, errno, 'SG_SCSI_RESET')
      await this.#running
    } finally {
      this.#resets -= 1
      this.#next()
    }
  }

  async #connect(): Promise<SgDevice> {
    if (this.#device !== undefined) return this.#device
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined))
    return this.#opening
  }

  async #open(): Promise<SgDevice> {
    const opened = await this.#calls.open(this.name)
    if ('errno' in opened) throw withSent(refusal(this.name, opened.errno, 'open'), false)
    this.#device = opened.device
    this.#nexus += 1
    return opened.device
  }

  async #disconnect(): Promise<void> {
    const device = this.#device
    this.#device = undefined
    await device?.close()
  }

  /** Begins the first command that waits, where nothing is under way. */
  #next(): void {
    if (this.#running !== undefined || this.#resets > 0 || this.#waiting.length === 0) return
    this.#running = this.#runFirst().finally(() => {
      this.#running = undefined
      this.#next()
    })
  }

  async #runFirst(): Promise<void> {
    let device: SgDevice
    try {
      device = await this.#connect()
    } catch (error) {
      this.#unsent(error as Error)
      return
    }
    const call = this.#waiting.shift()
    if (call === undefined) return
    const { command } = call
    if (command.nexus !== undefined && command.nexus !== this.#nexus)
      return call.settle({ error: this.#otherNexus(command.nexus) })
    call.begun()
    try {
      await this.#run(device, call)
    } catch (error) {
      call.settle({ error: error as Error })
      await this.#loseAll(error as Error)
    }
  }

  /** Runs one command in the kernel. */
  async #run(device: SgDevice, { command, deadlineMs, settle }: Call): Promise<void> {
    const request = requestOf(command, Math.max(1, deadlineMs - this.#clock.now()))
    const memory = this.#room(request.dataBytes)
    const data = memory.bytes.subarray(layout.data, layout.data + request.dataBytes)
    putRequest(memory.bytes, memory.address, request)
    if (request.direction === 'out') data.set(command.dataOut ?? [])
    const errno = await device.execute(memory)
    if (errno !== 0) {
      const error = refusal(this.name, errno, 'SG_IO')
      if (error.code === 'scsi-transport-lost') throw error
      return settle({ error })
    }
    const end = endOf(this.name, request, answerIn(memory.bytes), memory.bytes)
    if ('result' in end) {
      command.dataIn?.set(data.subarray(0, end.result.dataInBytes))
      return settle(end)
    }
    if (end.lost) throw end.error
    settle(end)
    // After those whose end is not known none is to come that counted on it.
    if (end.error.code === 'scsi-transport-lost') this.#unsent(withSent(end.error, false))
  }

  /** The way to the unit is lost, and the next command makes another. */
  async #loseAll(error: Error): Promise<void> {
    this.#unsent(error instanceof NbError ? withSent(error, false) : error)
    await this.#disconnect()
  }

  #room(dataBytes: number): SgMemory {
    const needed = layout.data + dataBytes
    if (this.#memory.bytes.length < needed) this.#memory = this.#calls.allocate(needed)
    return this.#memory
  }

  #unsent(error: Error): void {
    for (const call of this.#waiting.splice(0)) call.settle({ error })
  }

  #otherNexus(nexus: number): NbError {
    return this.#lost(`the command was for connection ${nexus}, this is ${this.#nexus}`, false)
  }

  #lost(why: string, sent: boolean): NbError {
    return new NbError('scsi-transport-lost', `${this.name}: ${why}`, { details: { sent } })
  }
}

function requestOf({ cdb, dataIn, dataOut }: ScsiCommand, timeoutMs: number): SgRequest {
  const [inBytes, outBytes] = [dataIn?.length ?? 0, dataOut?.length ?? 0]
  const direction = inBytes > 0 ? 'in' : outBytes > 0 ? 'out' : 'none'
  return { cdb, direction, dataBytes: inBytes + outBytes, timeoutMs }
}

function invalid(field: string, message: string): NbError {
  return new NbError('argument-invalid', message, { details: { field } })
}

function withSent(error: NbError, sent: boolean): NbError {
  return new NbError(error.code, error.message, { details: { ...error.details, sent }, cause: error })
}
