import type { ScsiCommand, ScsiResult } from '@nb/contracts'
import type { Association } from './association.ts'
import type { TaskPdu } from './association-plan.ts'
import { noTag } from './basic-header.ts'
import { cutSequence, type DataPart, planFirstBurst } from './data-out-plan.ts'
import { encodeCommand, encodeDataOut } from './requests.ts'
import {
  type DataIn,
  malformed,
  type ReadyToTransfer,
  type Residual,
  type ScsiResponse,
} from './responses.ts'

/** A command at the target. */
export interface Task {
  readonly taskTag: number
  readonly commandNumber: number
  readonly unit: Uint8Array
}

interface RunningTask extends Task {
  readonly dataOut: Uint8Array
  readonly dataIn: Uint8Array
  readonly ended: (result: ScsiResult) => void
  receivedBytes: number
  /** Data-In and R2T PDUs so far. */
  dataNumber: number
  readyNumber: number
  /** Sequences that are asked for and not all sent. */
  sequences: number
  /** PDUs with its data that the network has not taken. */
  unsent: number
  /** How it ended, while the network still has its data. */
  ending?: () => void
}

/** A sequence of data that the target waits for. */
interface Sequence {
  readonly task: RunningTask
  readonly transferTag: number
  readonly parts: Iterator<DataPart, void, undefined>
}

/** Sequences that a target may ask for before it got the first; more than was agreed on is an attack on our memory. */
const mostSequences = 16
const noData = new Uint8Array(0)
const noSense = new Uint8Array(0)
const checkCondition = 2

/**
 * The commands at the target, by task tag: sends commands and their data, puts what comes into place, and says how each ended. A command
 * that has ended is only told of when the network has taken all its data, so that they may change then.
 */
export class TaskTable {
  readonly #tasks = new Map<number, RunningTask>()
  readonly #sequences: Sequence[] = []
  #association: Association | undefined

  /** From now on it sends over this one. */
  attach(association: Association): void {
    this.#association = association
  }

  /** Whether a task tag belongs to a command under way. */
  has(taskTag: number): boolean {
    return this.#tasks.has(taskTag)
  }

  /** Sends a command; `ended` is called once, unless the association is lost or the task forgotten. */
  start(unit: Uint8Array, command: ScsiCommand, ended: (result: ScsiResult) => void): Task {
    const association = this.#attached
    const { dataOut = noData, dataIn = noData } = command
    const direction = dataOut.length > 0 ? 'out' : dataIn.length > 0 ? 'in' : 'none'
    const { immediateBytes, unsolicitedBytes } = planFirstBurst(dataOut.length, association.parameters)
    const numbers = association.takeNumbers()
    const task: RunningTask = {
      ended,
      taskTag: association.newTag(),
      commandNumber: numbers.commandNumber,
      unit,
      dataOut,
      dataIn,
      receivedBytes: 0,
      dataNumber: 0,
      readyNumber: 0,
      sequences: 0,
      unsent: 0,
    }
    const { taskTag } = task
    this.#tasks.set(taskTag, task)
    const expectedBytes = direction === 'out' ? dataOut.length : dataIn.length
    const final = unsolicitedBytes === 0
    const { cdb } = command
    const header = encodeCommand(
      { taskTag, unit, cdb, direction, expectedBytes, immediateBytes, final },
      numbers,
    )
    if (immediateBytes === 0) association.send(header)
    else this.#sendData(task, header, dataOut.subarray(0, immediateBytes))
    if (unsolicitedBytes > 0) this.#addSequence(task, noTag, immediateBytes, unsolicitedBytes)
    return task
  }

  /** Sends data that are due, as far as the network takes them. */
  pump(): void {
    const association = this.#attached
    for (let first = this.#sequences[0]; first !== undefined; first = this.#sequences[0]) {
      const { task, transferTag, parts } = first
      const next = task.ending === undefined ? parts.next() : { done: true as const, value: undefined }
      if (next.done === true) {
        task.sequences -= 1
        this.#sequences.shift()
        continue
      }
      const { offset, bytes } = next.value
      const header = encodeDataOut({
        ...next.value,
        taskTag: task.taskTag,
        unit: task.unit,
        transferTag,
        expectedStatusNumber: association.expectedStatusNumber,
      })
      this.#sendData(task, header, task.dataOut.subarray(offset, offset + bytes))
      if (!association.writable) return
    }
  }

  /**
   * Where data go.
   * @throws NbError `message-invalid` when they may not come
   */
  placeFor(pdu: DataIn): Uint8Array {
    const task = this.#taskOf(pdu)
    if (pdu.sequenceNumber !== task.dataNumber)
      throw malformed('data out of their order', { sequenceNumber: pdu.sequenceNumber })
    if (pdu.offset !== task.receivedBytes) throw malformed('data for another place', { offset: pdu.offset })
    const end = pdu.offset + pdu.bytes
    if (end > task.dataIn.length) throw malformed('more data than there is room for', { bytes: end })
    return task.dataIn.subarray(pdu.offset, end)
  }

  /**
   * Takes what the target sends for a command; data are in their place already.
   * @throws NbError `message-invalid` when it may not come
   */
  take(pdu: TaskPdu, data: Uint8Array): void {
    const task = this.#taskOf(pdu)
    if (pdu.kind === 'ready-to-transfer') this.#ready(task, pdu)
    else if (pdu.kind === 'data-in') {
      // Without data no place was asked for, and nothing was checked.
      if (pdu.bytes === 0) this.placeFor(pdu)
      task.receivedBytes += pdu.bytes
      task.dataNumber += 1
      if (pdu.status !== undefined) this.#finish(task, pdu.status, pdu.residual, undefined)
    } else this.#respond(task, pdu, data)
  }

  /** A task that the target has given up: it ends now, as soon as the network has taken its data. */
  forget(task: Task, then: () => void): void {
    const running = this.#tasks.get(task.taskTag)
    if (running !== undefined) this.#end(running, then)
  }

  /** The connection is over: nothing is told any more. */
  clear(): void {
    this.#tasks.clear()
    this.#sequences.length = 0
    this.#association = undefined
  }

  get #attached(): Association {
    if (this.#association === undefined) throw new Error('a command without a session')
    return this.#association
  }

  #taskOf({ taskTag, kind }: TaskPdu): RunningTask {
    const task = this.#tasks.get(taskTag)
    if (task === undefined) throw malformed(`a ${kind} for no command`, { taskTag })
    return task
  }

  #sendData(task: RunningTask, header: Buffer, data: Uint8Array): void {
    task.unsent += 1
    this.#attached.send(header, data, () => {
      task.unsent -= 1
      if (task.unsent === 0) task.ending?.()
    })
  }

  #addSequence(task: RunningTask, transferTag: number, offset: number, bytes: number): void {
    task.sequences += 1
    const parts = cutSequence(offset, bytes, this.#attached.parameters.maxSendBytes)
    this.#sequences.push({ task, transferTag, parts })
    this.pump()
  }

  #ready(task: RunningTask, pdu: ReadyToTransfer): void {
    const { offset, bytes, sequenceNumber, transferTag } = pdu
    if (sequenceNumber !== task.readyNumber || transferTag === noTag)
      throw malformed('an R2T out of its order', { sequenceNumber })
    if (offset + bytes > task.dataOut.length || bytes > this.#attached.parameters.maxBurstBytes)
      throw malformed('an R2T for more than there is', { offset, bytes })
    if (task.sequences >= mostSequences) throw malformed('more R2Ts than agreed on', {})
    task.readyNumber += 1
    this.#addSequence(task, transferTag, offset, bytes)
  }

  #respond(task: RunningTask, pdu: ScsiResponse, data: Uint8Array): void {
    if (!pdu.completed)
      throw malformed(`no status (response code 0x${pdu.responseCode.toString(16)})`, {
        responseCode: pdu.responseCode,
      })
    if (task.dataIn.length > 0 && pdu.expectedDataNumber > task.dataNumber)
      throw malformed('a response, but not all data before it', { expected: pdu.expectedDataNumber })
    this.#finish(task, pdu.status, pdu.residual, senseOf(data))
  }

  #finish(
    task: RunningTask,
    status: number,
    residual: Residual | undefined,
    sense: Uint8Array | undefined,
  ): void {
    const missing = residual?.kind === 'underflow' ? residual.bytes : 0
    const expected = Math.max(task.dataOut.length, task.dataIn.length)
    if (missing > expected) throw malformed('a residual beyond the length of the command', { missing })
    const result: ScsiResult = {
      status,
      ...(sense !== undefined ? { sense } : status === checkCondition ? { sense: noSense } : {}),
      dataInBytes: Math.min(task.receivedBytes, Math.max(0, task.dataIn.length - missing)),
      dataOutBytes: Math.max(0, task.dataOut.length - missing),
    }
    this.#end(task, () => task.ended(result))
  }

  #end(task: RunningTask, then: () => void): void {
    this.#tasks.delete(task.taskTag)
    if (task.unsent === 0) {
      task.ending = () => undefined
      then()
    } else task.ending = then
  }
}

/** Sense data stand after their length (RFC 7143, 11.4.7.1). */
function senseOf(data: Uint8Array): Uint8Array | undefined {
  if (data.length < 2) return undefined
  const bytes = ((data[0] ?? 0) << 8) | (data[1] ?? 0)
  if (bytes + 2 > data.length) throw malformed('sense data that are cut off', { bytes })
  return bytes === 0 ? undefined : Buffer.from(data.subarray(2, 2 + bytes))
}
