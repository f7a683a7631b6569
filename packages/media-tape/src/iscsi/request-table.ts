import type { Clock, NbError } from '@nb/contracts'
import { malformed, type TargetPdu } from './responses.ts'

/** An answer to a request that is no SCSI command. */
export interface Answer {
  readonly pdu: TargetPdu
  readonly data: Uint8Array
}

interface Request {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: NbError) => void
}

/** Requests to log out, to the manager of tasks, in text and pings, by task tag, until their answers come. */
export class RequestTable {
  readonly #clock: Clock
  readonly #requests = new Map<number, Request>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  has(taskTag: number): boolean {
    return this.#requests.has(taskTag)
  }

  /** Waits for the answer; `late` is called when it takes longer than `timeoutMs`. */
  wait(taskTag: number, timeoutMs: number | undefined, late: () => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const cancelTimer = timeoutMs === undefined ? undefined : this.#clock.setTimer(timeoutMs, late)
      this.#requests.set(taskTag, {
        resolve: (answer) => {
          cancelTimer?.()
          resolve(answer)
        },
        reject: (error) => {
          cancelTimer?.()
          reject(error)
        },
      })
    })
  }

  /**
   * An answer is there.
   * @throws NbError `message-invalid` when nobody waits for it
   */
  answered(pdu: TargetPdu & { readonly taskTag: number }, data: Uint8Array): void {
    const request = this.#take(pdu.taskTag)
    if (request === undefined) throw malformed('an answer that was not asked for', { taskTag: pdu.taskTag })
    request.resolve({ pdu, data })
  }

  /** The request will not be answered; says whether there was one. */
  refused(taskTag: number, error: NbError): boolean {
    const request = this.#take(taskTag)
    request?.reject(error)
    return request !== undefined
  }

  /** Nothing will be answered any more. */
  clear(error: NbError): void {
    for (const taskTag of [...this.#requests.keys()]) this.refused(taskTag, error)
  }

  #take(taskTag: number): Request | undefined {
    const request = this.#requests.get(taskTag)
    this.#requests.delete(taskTag)
    return request
  }
}
