import { randomBytes } from 'node:crypto'
import {
  type CallOptions,
  type Clock,
  debugLogger,
  type Logger,
  type NbError,
  type ScsiTransport,
} from '@nb/contracts'
import { Association } from './association.ts'
import type { AssociationPlan } from './association-plan.ts'
import { lost } from './connection.ts'
import type { IscsiSessionOptions } from './options.ts'
import { planSession } from './options.ts'
import { printPortal } from './portal.ts'
import { TaskTable } from './task-table.ts'
import { Unit, type UnitSession } from './unit.ts'

/** What a session works with. */
export interface IscsiComponents {
  readonly clock: Clock
  /** @default `debugLogger('nb:media-tape:iscsi')` */
  readonly logger?: Logger
}

/** A session with one target, shared by all its logical units. */
export interface IscsiSession {
  /** `iscsi://host:3260/iqn.…` */
  readonly name: string
  /** Number of the present session at the target; another after each loss, 0 before the first. */
  readonly nexus: number
  /** The transport to a logical unit, 0–16 383; the same one for the same number. */
  unit(lun: number): ScsiTransport
  /** Logs out; commands under way end with `scsi-transport-lost`. Idempotent. */
  close(): Promise<void>
}

/**
 * Makes a session with a target. It logs in when the first of its transports is opened or used, and logs out when the last is closed.
 * @throws NbError `argument-invalid`
 */
export function createIscsiSession(components: IscsiComponents, options: IscsiSessionOptions): IscsiSession {
  return new Session(components, options)
}

/**
 * A session over its losses. It is `away` without an association, `coming` while one is made, `here` with one, and `leaving` when the target
 * wants us gone: then nothing more is sent, and with the last answer we log out. From anywhere a loss leads to `away`, and
 * the next command to `coming`.
 */
export class Session implements IscsiSession, UnitSession {
  readonly name: string
  readonly clock: Clock
  readonly tasks: TaskTable = new TaskTable()
  readonly #logger: Logger
  readonly #plan: AssociationPlan
  readonly #queueDepth: number
  readonly #abortTimeoutMs: number
  readonly #units = new Map<number, Unit>()
  #association: Association | undefined
  #coming: Promise<void> | undefined
  #abortComing: AbortController | undefined
  #leaving = false
  #nexus = 0
  #notBefore = 0
  /** Whose turn it is to send first. */
  #turn = 0

  constructor(components: IscsiComponents, options: IscsiSessionOptions) {
    const { plan, queueDepth, abortTimeoutMs } = planSession(options)
    this.clock = components.clock
    this.#logger = components.logger ?? debugLogger('nb:media-tape:iscsi')
    this.#plan = { ...plan, sessionId: newSessionId() }
    this.#queueDepth = queueDepth
    this.#abortTimeoutMs = abortTimeoutMs
    this.name = `iscsi://${printPortal(plan.portal)}/${plan.identity.targetName ?? ''}`
  }

  get nexus(): number {
    return this.#nexus
  }

  /** Whether there is a session, or one is being made. */
  get present(): boolean {
    return this.#association !== undefined || this.#coming !== undefined
  }

  unit(lun: number): ScsiTransport {
    const known = this.#units.get(lun)
    if (known !== undefined) return known
    const unit = new Unit(this, lun, this.#queueDepth)
    this.#units.set(lun, unit)
    return unit
  }

  /** Makes sure that there is a session. Rejects as `ScsiTransport.open` does. */
  async connect({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    if (this.#association !== undefined) return
    this.#coming ??= this.#come().finally(() => (this.#coming = undefined))
    await unlessAborted(this.#coming, signal)
  }

  async close(): Promise<void> {
    for (const unit of this.#units.values()) unit.shut()
    this.#abortComing?.abort(lost('the session was closed'))
    await this.#coming?.catch(() => undefined)
    await this.#association?.logout()
  }

  /** A unit has let go: without the others it is time to log out. */
  async released(): Promise<void> {
    if (![...this.#units.values()].some((unit) => unit.inUse)) await this.close()
  }

  /** Something is to be sent, or can be sent again. */
  wake(): void {
    if (this.#association !== undefined) this.#pump()
    else
      this.connect().catch((error: unknown) => {
        for (const unit of this.#units.values()) unit.unsent(error as Error)
      })
  }

  /** Asks the manager of tasks; resolves with its response code. */
  async manageTask(request: Parameters<Association['manageTask']>[0]): Promise<number> {
    if (this.#association === undefined) throw lost('there is no session')
    return this.#association.manageTask(request, this.#abortTimeoutMs)
  }

  /** Gives the session up: what is under way can't be ended otherwise. */
  giveUp(error: NbError): void {
    this.#association?.fail(error)
  }

  async #come(): Promise<void> {
    this.#leaving = false
    const controller = (this.#abortComing = new AbortController())
    const { signal } = controller
    const waitMs = this.#notBefore - this.clock.now()
    if (waitMs > 0) await this.clock.sleep(waitMs, { signal })
    const components = { clock: this.clock, logger: this.#logger }
    const association = await Association.make(
      components,
      this.#plan,
      {
        uses: (taskTag) => this.tasks.has(taskTag),
        placeFor: (pdu) => this.tasks.placeFor(pdu),
        take: (pdu, data) => this.tasks.take(pdu, data),
        room: () => this.#pump(),
        leave: () => this.#leave(),
        lost: (error, wait) => this.#lost(error, wait),
      },
      { signal },
    )
    // It may have been lost already, with nobody here to be told.
    if (association.over !== undefined) throw association.over
    this.#association = association
    this.tasks.attach(association)
    this.#nexus += 1
    this.ended()
  }

  /** Sends data that are due, then commands, unit by unit, as long as the target and the network take them. */
  #pump(): void {
    const association = this.#association
    if (association === undefined) return
    this.tasks.pump()
    if (this.#leaving) return
    const units = [...this.#units.values()]
    for (let idle = 0; idle < units.length && association.open; this.#turn++)
      idle = units[this.#turn % units.length]?.sendNext() === true ? 0 : idle + 1
  }

  #leave(): void {
    this.#leaving = true
    this.ended()
  }

  /** A command has ended. */
  ended(): void {
    const busy = [...this.#units.values()].some((unit) => unit.activeCount > 0)
    if (this.#leaving && !busy) void this.#association?.logout()
    else this.#pump()
  }

  #lost(error: NbError, waitMs: number): void {
    this.#logger('%s is lost: %s', this.name, error.message)
    this.#association = undefined
    this.#leaving = false
    this.#notBefore = waitMs === 0 ? 0 : this.clock.now() + waitMs
    this.tasks.clear()
    for (const unit of this.#units.values()) unit.lost(error)
  }
}

/** Six bytes of the kind that are random (RFC 7143, 11.12.5). */
function newSessionId(): Buffer {
  const id = randomBytes(6)
  id[0] = 0x80
  return id
}

function unlessAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
