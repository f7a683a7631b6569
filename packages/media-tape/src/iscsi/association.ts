import { randomBytes } from 'node:crypto'
import { type CallOptions, type Clock, type Logger, NbError } from '@nb/contracts'
import { headerBytes, noTag, opcodeOf, requestOpcodes } from './basic-header.ts'
import type { AssociationPlan, AssociationUser } from './association-plan.ts'
import { CommandWindow } from './command-window.ts'
import { IscsiConnection, lost } from './connection.ts'
import { KeepAlive } from './keep-alive.ts'
import { Login, type LoginMessage } from './login.ts'
import type { SessionParameters } from './parameters.ts'
import { parsePortal, printPortal } from './portal.ts'
import { type Answer, RequestTable } from './request-table.ts'
import {
  encodeLogin,
  encodeLogout,
  encodeNopOut,
  encodeTaskManagement,
  encodeText,
  type RequestNumbers,
} from './requests.ts'
import {
  type AsyncMessage,
  decodeResponse,
  type LoginResponse,
  malformed,
  type NopIn,
  type TargetPdu,
  type TextResponse,
} from './responses.ts'
import { after } from './serial-number.ts'

const mostRedirections = 3
const logoutTimeoutMs = 5000
/** Longest wait that a target can impose on us. */
const longestWaitMs = 60_000

/**
 * One connection from its login to its end: what SAM calls an I_T nexus. It keeps the numbers of commands and statuses, answers pings and
 * sends its own, and carries requests to the manager of tasks, in text and to log out. What belongs to commands goes to its user.
 *
 * It is over at the first error: at ErrorRecoveryLevel 0 a session whose connection broke, or where a number, a digest or a
 * header is wrong, can only be replaced by a new one (RFC 7143, 7.1.4.4).
 */
export class Association {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #user: AssociationUser
  readonly #plan: AssociationPlan
  readonly #requests: RequestTable
  readonly #keepAlive: KeepAlive
  #connection!: IscsiConnection
  #window = new CommandWindow(1, { expectedCommandNumber: 1, maxCommandNumber: 1 })
  #expectedStatusNumber: number | undefined
  #parameters: SessionParameters | undefined
  #login: Login | undefined
  #loginEnds: { done: () => void; elsewhere: (address: string) => void } | undefined
  #nextTag = 0
  #over: NbError | undefined
  #waitMs = 0

  /**
   * Connects and logs in, following redirections.
   * Rejects with `scsi-transport-lost`, `scsi-access-denied`, `not-found` (no such target), or the signal's reason.
   */
  static async make(
    components: { readonly clock: Clock; readonly logger: Logger },
    plan: AssociationPlan,
    user: AssociationUser,
    options: CallOptions = {},
  ): Promise<Association> {
    let { portal } = plan
    for (let hops = 0; hops <= mostRedirections; hops++) {
      const association = new Association(components, { ...plan, portal }, user)
      const address = await association.#begin(options)
      if (address === undefined) return association
      components.logger('redirected to %s', address)
      portal = parsePortal(address)
    }
    throw lost(`the target redirects more than ${mostRedirections} times`)
  }

  private constructor(
    { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
    plan: AssociationPlan,
    user: AssociationUser,
  ) {
    this.#clock = clock
    this.#logger = logger
    this.#plan = plan
    this.#user = user
    this.#requests = new RequestTable(clock)
    this.#keepAlive = new KeepAlive(clock, plan, {
      ping: () => this.#ping(),
      silent: () => this.fail(lost(`no answer to a ping from ${printPortal(plan.portal)}`, 'ETIMEDOUT')),
    })
  }

  get parameters(): SessionParameters {
    if (this.#parameters === undefined) throw new Error('not logged in')
    return this.#parameters
  }

  /** Why it is over, when it is. */
  get over(): NbError | undefined {
    return this.#over
  }

  /** Whether a command may be sent now. */
  get open(): boolean {
    return this.#over === undefined && this.#window.open && this.#connection.writable
  }

  /** Whether data may be sent now. */
  get writable(): boolean {
    return this.#over === undefined && this.#connection.writable
  }

  get expectedStatusNumber(): number {
    return this.#expectedStatusNumber ?? 0
  }

  /** A task tag that is not in use. */
  newTag(): number {
    do this.#nextTag = after(this.#nextTag)
    while (this.#nextTag === noTag || this.#requests.has(this.#nextTag) || this.#user.uses(this.#nextTag))
    return this.#nextTag
  }

  /** The numbers for a SCSI command that is sent now. */
  takeNumbers(): RequestNumbers {
    return { commandNumber: this.#window.take(), expectedStatusNumber: this.expectedStatusNumber }
  }

  /** Sends a PDU of a command. */
  send(header: Buffer, data?: Uint8Array, sent?: () => void): void {
    this.#connection.send(header, data, sent)
  }

  /** Asks the manager of tasks; resolves with its response code. */
  async manageTask(
    request: {
      readonly task: 'abortTask' | 'resetUnit'
      readonly unit: Uint8Array
      readonly referenced?: { readonly taskTag: number; readonly commandNumber: number }
    },
    timeoutMs: number,
  ): Promise<number> {
    const { pdu } = await this.#request(timeoutMs, (taskTag, numbers) =>
      this.#connection.send(encodeTaskManagement({ ...request, taskTag }, numbers)),
    )
    if (pdu.kind !== 'task-management') throw this.#failed(malformed('an answer of another kind', {}))
    return pdu.response
  }

  /** Asks in text, or for the rest of an answer: then with the tags of what is there of it. */
  async askInText(
    text: Buffer,
    tags: { readonly taskTag: number; readonly transferTag: number } | undefined,
    timeoutMs: number,
  ): Promise<{ readonly pdu: TextResponse; readonly data: Uint8Array }> {
    const { pdu, data } = await this.#request(
      timeoutMs,
      (taskTag, numbers) => {
        const request = { taskTag, transferTag: tags?.transferTag ?? noTag, textBytes: text.length }
        this.#connection.send(encodeText(request, numbers), text)
      },
      tags?.taskTag,
    )
    if (pdu.kind !== 'text') throw this.#failed(malformed('an answer of another kind', {}))
    return { pdu, data }
  }

  /** Logs out and ends; never rejects. */
  async logout(): Promise<void> {
    if (this.#over !== undefined) return
    try {
      const { pdu } = await this.#request(logoutTimeoutMs, (taskTag, numbers) =>
        this.#connection.send(encodeLogout({ taskTag }, numbers)),
      )
      if (pdu.kind === 'logout') this.#waitMs = Math.min(pdu.waitSeconds * 1000, longestWaitMs)
    } catch (error) {
      this.#logger('logging out failed: %s', error instanceof Error ? error.message : error)
    }
    this.fail(lost('the session was closed'))
  }

  /** Ends it now, with this reason. Idempotent. */
  fail(error: NbError): void {
    if (this.#over !== undefined) return
    this.#over = error
    this.#keepAlive.stop()
    this.#connection.destroy()
    this.#requests.clear(error)
    this.#user.lost(error, this.#waitMs)
  }

  #failed(error: NbError): NbError {
    this.fail(
      new NbError('scsi-transport-lost', `the session was given up: ${error.message}`, { cause: error }),
    )
    return this.#over ?? error
  }

  /** Connects and logs in; gives the address of a redirection. */
  async #begin({ signal }: CallOptions): Promise<string | undefined> {
    const { portal, identity, wishes, connectTimeoutMs, loginTimeoutMs } = this.#plan
    let failed: Error | undefined
    let failLogin: ((error: Error) => void) | undefined = (error) => (failed = error)
    const login = new Login(identity, wishes, randomBytes)
    this.#connection = await IscsiConnection.connect(
      portal,
      {
        placeFor: (header) => this.#placeFor(header),
        take: (header, data) => this.#take(header, data),
        room: () => this.#user.room(),
        lost: (error) => (failLogin === undefined ? this.fail(error) : failLogin(error)),
      },
      { clock: this.#clock, timeoutMs: connectTimeoutMs, ...(signal === undefined ? {} : { signal }) },
    )
    let cancelTimer: (() => void) | undefined
    const onAbort = (): void => failLogin?.(signal?.reason as Error)
    try {
      return await new Promise<string | undefined>((resolve, reject) => {
        failLogin = reject
        if (failed !== undefined) reject(failed)
        this.#login = login
        this.#loginEnds = {
          done: () => {
            failLogin = undefined
            resolve(undefined)
          },
          elsewhere: resolve,
        }
        cancelTimer = this.#clock.setTimer(loginTimeoutMs, () =>
          reject(lost(`no login at ${printPortal(portal)} within ${loginTimeoutMs} ms`, 'ETIMEDOUT')),
        )
        if (signal?.aborted === true) onAbort()
        signal?.addEventListener('abort', onAbort, { once: true })
        this.#sendLogin(login.begin())
      })
    } catch (error) {
      this.#over = lost('the login failed')
      throw error
    } finally {
      cancelTimer?.()
      signal?.removeEventListener('abort', onAbort)
      if (this.#parameters === undefined) this.#connection.destroy()
    }
  }

  #sendLogin(message: LoginMessage): void {
    const { text, ...stages } = message
    const login = { taskTag: 0, sessionId: this.#plan.sessionId, targetSession: 0, textBytes: text.length }
    this.#connection.send(encodeLogin({ ...login, ...stages }, this.#numbers), text)
  }

  /** Numbers for a request that is immediate: it takes none for itself. */
  get #numbers(): RequestNumbers {
    return { commandNumber: this.#window.next, expectedStatusNumber: this.expectedStatusNumber }
  }

  #takeLogin(login: Login, pdu: LoginResponse, text: Uint8Array): void {
    // In a refusal the numbers mean nothing (RFC 7143, 11.13.4).
    if (pdu.statusClass === 0) this.#countStatus(pdu)
    const step = login.receive(pdu, text)
    if (step.kind === 'send') this.#sendLogin(step.message)
    else if (step.kind === 'elsewhere') this.#loginEnds?.elsewhere(step.address)
    else {
      const { headerDigest, dataDigest } = step.parameters
      this.#login = undefined
      this.#parameters = step.parameters
      this.#window = new CommandWindow(this.#window.next, pdu)
      this.#connection.agree({ maxDataBytes: this.#plan.wishes.maxReceiveBytes, headerDigest, dataDigest })
      this.#keepAlive.start()
      this.#logger('logged in at %s: %j', printPortal(this.#plan.portal), step.parameters)
      this.#loginEnds?.done()
    }
  }

  #placeFor(header: Buffer): Uint8Array | undefined {
    if (this.#login !== undefined) return undefined
    const pdu = decodeResponse(header)
    return pdu.kind === 'data-in' ? this.#user.placeFor(pdu) : undefined
  }

  #take(header: Buffer, data: Uint8Array): void {
    const pdu = decodeResponse(header)
    if (this.#login !== undefined) {
      if (pdu.kind !== 'login') throw malformed(`a ${pdu.kind} before the login was done`, {})
      this.#takeLogin(this.#login, pdu, data)
      return
    }
    this.#keepAlive.heard()
    if (bearsStatus(pdu)) this.#countStatus(pdu)
    const wasOpen = this.#window.open
    this.#window.told(pdu)
    this.#dispatch(pdu, data)
    if (!wasOpen && this.#window.open && this.#over === undefined) this.#user.room()
  }

  /** At this level of recovery nothing of the target may be missing (RFC 7143, 4.2.2.2). */
  #countStatus(pdu: TargetPdu): void {
    if (this.#expectedStatusNumber !== undefined && pdu.statusNumber !== this.#expectedStatusNumber)
      throw malformed('a status out of its order', { statusNumber: pdu.statusNumber })
    this.#expectedStatusNumber = after(pdu.statusNumber)
  }

  #dispatch(pdu: TargetPdu, data: Uint8Array): void {
    switch (pdu.kind) {
      case 'data-in':
      case 'scsi-response':
      case 'ready-to-transfer':
        this.#user.take(pdu, data)
        break
      case 'task-management':
      case 'text':
      case 'logout':
        this.#requests.answered(pdu, data)
        break
      case 'nop-in':
        this.#takePing(pdu, data)
        break
      case 'async-message':
        this.#takeEvent(pdu)
        break
      case 'reject':
        this.#takeReject(pdu.reason, data)
        break
      case 'login':
        throw malformed('a login response after the login', {})
    }
  }

  #takePing(pdu: NopIn, data: Uint8Array): void {
    if (pdu.taskTag !== noTag) this.#requests.answered(pdu, data)
    else if (pdu.transferTag !== noTag) {
      const { unit, transferTag } = pdu
      const dataBytes = Math.min(data.length, this.parameters.maxSendBytes)
      const answer = { taskTag: noTag, unit, transferTag, dataBytes }
      this.#connection.send(encodeNopOut(answer, this.#numbers), data.subarray(0, dataBytes))
    }
  }

  /** RFC 7143, 11.9.1. */
  #takeEvent({ event, parameters }: AsyncMessage): void {
    this.#logger('the target tells of event %d %j', event, parameters)
    const [, second] = parameters
    if (event === 1 || event === 4) this.#user.leave()
    else if (event === 2 || event === 3) {
      this.#waitMs = Math.min(second * 1000, longestWaitMs)
      this.fail(lost('the target drops the connection'))
    } else if (event === 5) this.fail(lost('the target has ended all commands of a unit'))
  }

  /** A request that came back may have been one of ours that is waited for; anything else leaves the session in the unknown. */
  #takeReject(reason: number, data: Uint8Array): void {
    const rejected = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    if (rejected.length < headerBytes) throw malformed('a reject of nothing', { reason })
    const opcode = opcodeOf(rejected)
    const why = `(reason 0x${reason.toString(16)})`
    const error = new NbError('not-supported', `the target rejected a request ${why}`, {
      details: { reason, opcode },
    })
    if (opcode === requestOpcodes.scsiCommand || !this.#requests.refused(rejected.readUInt32BE(16), error))
      throw malformed(`a reject ${why}`, { reason, opcode })
  }

  #ping(): void {
    const ping = this.#request(undefined, (taskTag, numbers) =>
      this.#connection.send(encodeNopOut({ taskTag, transferTag: noTag, dataBytes: 0 }, numbers)),
    )
    // That it fails is told by the session's end; a reject is an answer as well.
    ping.catch((error: unknown) => this.#logger.trace('a ping ended: %s', error))
  }

  /** Sends something immediate and waits for its answer, at most so long. */
  async #request(
    timeoutMs: number | undefined,
    send: (taskTag: number, numbers: RequestNumbers) => void,
    taskTag: number = this.newTag(),
  ): Promise<Answer> {
    if (this.#over !== undefined) throw this.#over
    const answer = this.#requests.wait(taskTag, timeoutMs, () =>
      this.fail(lost(`no answer to a request within ${timeoutMs} ms`, 'ETIMEDOUT')),
    )
    send(taskTag, this.#numbers)
    return answer
  }
}

/** Whether a PDU takes a status number; the others only tell the next (RFC 7143, 4.2.2.2). */
function bearsStatus(pdu: TargetPdu): boolean {
  if (pdu.kind === 'data-in') return pdu.status !== undefined
  if (pdu.kind === 'nop-in') return pdu.taskTag !== noTag
  return pdu.kind !== 'ready-to-transfer'
}
