import {
  type CallOptions,
  type Clock,
  describePlace,
  type LibraryElement,
  type LibraryPlace,
  NbError,
  type ScsiTransport,
  SerialQueue,
  type TapeRobot,
  throwIfAborted,
} from '@nb/contracts'
import { buildCdb } from '../scsi/cdb.ts'
import { elementType, modePage } from '../scsi/command-codes.ts'
import { type ElementStatus, parseElementStatus } from '../scsi/element-status.ts'
import { malformed } from '../scsi/malformed.ts'
import { findPage, parseMode } from '../scsi/mode.ts'
import {
  type ChangerCapabilities,
  type ElementAddresses,
  parseChangerCapabilities,
  parseElementAddresses,
} from '../scsi/mode-pages.ts'
import { type Ended, ScsiUnit, type Told, wasNotSent } from '../scsi/scsi-unit.ts'
import { senseKey } from '../scsi/sense.ts'
import { askUnit, type UnitFacts } from '../scsi/unit-facts.ts'
import { type LibraryDrive, matchDrives } from './drive-elements.ts'
import { addressOf, elementsOf, elementTypeOf, kindsOfPlaces, placeOf } from './geometry.ts'
import { mayHaveMoved, type Move, robotError } from './robot-errors.ts'

/** What a robot behind SCSI works with. */
export interface ScsiTapeRobotComponents {
  readonly transport: ScsiTransport
  readonly clock: Clock
}

/** What is told of the robot. */
export interface ScsiTapeRobotOptions {
  /** What people call it. @default the transport's name */
  readonly name?: string
  /** The drives that may be in it, to be found by their serial numbers. @default none */
  readonly drives?: readonly LibraryDrive[]
  /** Longest time for a move, milliseconds, from 1 on. @default 900 000 */
  readonly moveMs?: number
  /** Longest time for taking stock, milliseconds, from 1 on. @default 3 600 000 */
  readonly initializeMs?: number
  /** How long to wait for a robot that is getting ready, milliseconds, from 0 on. @default 900 000 */
  readonly readyMs?: number
}

/** Who a robot is. */
export interface RobotIdentity {
  readonly vendor: string
  readonly product: string
  readonly revision: string
  readonly serial?: string
  /** How many places it has of each kind. */
  readonly places: Readonly<Record<LibraryPlace['kind'], number>>
  /** Whether it can put one volume in the place of another in one command. */
  readonly exchanges: boolean
}

/** Into which places a library is to look. */
export interface InitializeInput {
  /** The first of them. @default all there are */
  readonly place?: LibraryPlace
  /** How many of its kind. @default 1 */
  readonly count?: number
}

/** A robot behind a SCSI transport, with what such a robot does beyond the port. */
export interface ScsiTapeRobot extends TapeRobot {
  /** Who it is, and how many places it has. */
  identity(options?: CallOptions): Promise<RobotIdentity>
  /**
   * Has the library look into its places; into `count` of them from `place` on alone where it can. Then its inventory is to be taken. Rejects with
   * `not-supported` where it can't be told to look, else as `inventory` does.
   */
  initialize(input?: InitializeInput, options?: CallOptions): Promise<void>
  /**
   * Carries a volume from `from` to `to`, and the one that is there to `back`, in one command. Rejects as `move` does, and with
   * `not-supported` where the library has no such command.
   */
  exchange(input: Move & { readonly back: LibraryPlace }, options?: CallOptions): Promise<void>
}

const pollMs = 1000

/** Makes a robot of a SCSI transport. Nothing is sent before its first command. */
export function createScsiTapeRobot(
  { transport, clock }: ScsiTapeRobotComponents,
  options: ScsiTapeRobotOptions = {},
): ScsiTapeRobot {
  return new Robot(transport, clock, options)
}

class Robot implements ScsiTapeRobot {
  readonly #name: string
  readonly #unit: ScsiUnit
  readonly #clock: Clock
  readonly #options: ScsiTapeRobotOptions
  readonly #commands: SerialQueue = new SerialQueue()
  #facts: UnitFacts | undefined
  #addresses: ElementAddresses | undefined
  /** Why the inventory that was given last may not hold any more. */
  #changed: string | undefined
  #inventoryGiven = false
  /** Whether the changer knows this bit: it then tells what it knows, without moving. */
  #currentData = true
  #deviceIdentifiers = true

  constructor(transport: ScsiTransport, clock: Clock, options: ScsiTapeRobotOptions) {
    this.#name = options.name ?? transport.name
    this.#clock = clock
    this.#options = options
    this.#unit = new ScsiUnit(transport, 'changer', clock, (told) => this.#attention(told))
  }

  async identity(options?: CallOptions): Promise<RobotIdentity> {
    return this.#command(options, async () => {
      const { inquiry, serial, supports } = await this.#who()
      const addresses = await this.#geometry()
      const { vendor, product, revision } = inquiry
      return {
        vendor,
        product,
        revision,
        ...(serial === undefined ? {} : { serial }),
        places: {
          slot: addresses.storage.count,
          drive: addresses.drive.count,
          'import-export': addresses.importExport.count,
        },
        exchanges: supports.has('exchange-medium') && canExchange(await this.#capabilities()),
      }
    })
  }

  async inventory(options?: CallOptions): Promise<readonly LibraryElement[]> {
    return this.#command(options, async () => {
      await this.#ready()
      const addresses = await this.#geometry()
      this.#changed = undefined
      const elements: LibraryElement[] = []
      for (const kind of kindsOfPlaces) elements.push(...(await this.#elements(addresses, kind)))
      this.#inventoryGiven = true
      return elements
    })
  }

  async move(input: Move, options?: CallOptions): Promise<void> {
    await this.#command(options, async () => {
      const addresses = await this.#geometry()
      const source = addressOf(addresses, input.from)
      const destination = addressOf(addresses, input.to)
      if (source === destination) return this.#moveNowhere(input)
      const cdb = buildCdb('move-medium', { transport: addresses.transport.first, source, destination })
      await this.#carry(cdb, input)
    })
  }

  async exchange(input: Move & { readonly back: LibraryPlace }, options?: CallOptions): Promise<void> {
    await this.#command(options, async () => {
      const { supports } = await this.#who()
      const addresses = await this.#geometry()
      const cdb = buildCdb('exchange-medium', {
        transport: addresses.transport.first,
        source: addressOf(addresses, input.from),
        firstDestination: addressOf(addresses, input.to),
        secondDestination: addressOf(addresses, input.back),
      })
      if (!supports.has('exchange-medium')) throw this.#unsupported('exchanging volumes')
      await this.#carry(cdb, input)
    })
  }

  async initialize({ place, count = 1 }: InitializeInput = {}, options?: CallOptions): Promise<void> {
    await this.#command(options, async () => {
      const { supports } = await this.#who()
      const addresses = await this.#geometry()
      const { initializeMs: timeoutMs = 3_600_000 } = this.#options
      await this.#ready()
      this.#changed = 'it has taken stock'
      const ranged = 'initialize-element-status-with-range'
      if (place !== undefined && supports.has(ranged)) {
        const range = { range: true, firstElement: addressOf(addresses, place), elements: count }
        const ended = await this.#unit.ask({ cdb: buildCdb(ranged, range), timeoutMs })
        if (ended.good || ended.meaning === 'recovered') return
        if (ended.meaning !== 'not-supported') throw robotError(ended, this.#name)
        supports.refused(ranged)
      }
      const ended = await this.#unit.ask({ cdb: buildCdb('initialize-element-status'), timeoutMs })
      if (!ended.good && ended.meaning !== 'recovered') throw robotError(ended, this.#name)
    })
  }

  /** To where it is already: refused, like every other full place. */
  async #moveNowhere({ from, to }: Move): Promise<never> {
    const addresses = await this.#geometry()
    const elements = await this.#elements(addresses, from.kind)
    const { barcode, unlabelled } = elements[from.number - 1] ?? {}
    const code = barcode === undefined && unlabelled !== true ? 'element-empty' : 'element-full'
    const what = code === 'element-empty' ? 'there is no volume' : 'a volume is already'
    throw new NbError(code, `robot ${this.#name}: ${what} in ${describePlace(to)}`, {
      details: { robot: this.#name, place: describePlace(to), ...(barcode === undefined ? {} : { barcode }) },
    })
  }

  /**
   * Moves volumes. It's begun only while the inventory that was given last holds: where people went through the door, the volume in a
   * slot may be another one.
   */
  async #carry(cdb: Uint8Array, move: Move): Promise<void> {
    const { moveMs: timeoutMs = 900_000 } = this.#options
    for (let attempt = 1; ; attempt++) {
      await this.#ready()
      if (this.#changed !== undefined)
        throw new NbError(
          'state-conflict',
          `robot ${this.#name}: its places may have changed (${this.#changed}); take its inventory first`,
          { retryable: true, details: { robot: this.#name, inventory: 'stale' } },
        )
      const ended = await this.#carryOnce(cdb, timeoutMs)
      if (ended.good || ended.meaning === 'recovered') return
      // It was not carried out; whether it may be, `#changed` says.
      if (ended.sense.key === senseKey.unitAttention && attempt < 10) {
        this.#attention(ended)
        continue
      }
      const error = robotError(ended, this.#name, move)
      if (mayHaveMoved(error)) this.#changed = ended.text
      throw error
    }
  }

  async #carryOnce(cdb: Uint8Array, timeoutMs: number): Promise<Ended> {
    try {
      return await this.#unit.run({ cdb, timeoutMs })
    } catch (error) {
      if (wasNotSent(error) || (error instanceof NbError && error.code === 'scsi-access-denied')) throw error
      this.#changed = 'how a move ended is not known'
      throw new NbError(
        'robot-failed',
        `robot ${this.#name}: how the move ended is not known (${error instanceof Error ? error.message : String(error)}); take its inventory`,
        { cause: error, retryable: true, details: { robot: this.#name, meaning: 'end-unknown' } },
      )
    }
  }

  async #elements(
    addresses: ElementAddresses,
    kind: LibraryPlace['kind'],
  ): Promise<readonly LibraryElement[]> {
    const { first, count } = elementsOf(addresses, kind)
    if (count === 0) return []
    const statuses = await this.#status(elementTypeOf(kind), first, count)
    const drives = kind === 'drive' ? matchDrives(statuses, this.#options.drives ?? []) : undefined
    return statuses.map((status) => {
      const name = drives?.get(status.address)?.name
      const { barcode, full, source } = status
      const from = full && source !== undefined && kind === 'drive' ? placeOf(addresses, source) : undefined
      return {
        place: { kind, number: status.address - first + 1 },
        ...(name === undefined ? {} : { drive: name }),
        ...(full && barcode !== undefined ? { barcode } : {}),
        ...(full && barcode === undefined ? { unlabelled: true } : {}),
        ...(from === undefined ? {} : { from }),
      }
    })
  }

  /** The elements of one type, by address. Never of all types at once: some changers answer that with nonsense. */
  async #status(type: number, first: number, count: number): Promise<readonly ElementStatus[]> {
    for (let allocationLength = 16 + count * 128; ;) {
      const form = {
        volumeTags: true,
        deviceIdentifiers: this.#deviceIdentifiers && type === elementType.drive,
      }
      const cdb = buildCdb('read-element-status', {
        ...form,
        elementType: type,
        firstElement: first,
        elements: count,
        currentData: this.#currentData,
        allocationLength,
      })
      const { initializeMs: timeoutMs = 3_600_000 } = this.#options
      const dataIn = new Uint8Array(allocationLength)
      const ended = await this.#unit.ask({ cdb, dataIn, timeoutMs })
      if (!ended.good && ended.meaning === 'invalid-field' && this.#currentData) {
        this.#currentData = false
        continue
      }
      if (!ended.good && ended.meaning === 'invalid-field' && form.deviceIdentifiers) {
        this.#deviceIdentifiers = false
        continue
      }
      if (!ended.good && ended.meaning !== 'recovered') throw robotError(ended, this.#name)
      const bytes = dataIn.subarray(0, ended.dataInBytes)
      const { elements, wholeBytes } = parseElementStatus(bytes, form)
      if (wholeBytes > allocationLength) {
        allocationLength = wholeBytes
        continue
      }
      const inRange = elements
        .filter((one) => one.type === type && one.address >= first && one.address < first + count)
        .toSorted((a, b) => a.address - b.address)
      if (new Set(inRange.map(({ address }) => address)).size === count && inRange.length === count)
        return inRange
      throw malformed('READ ELEMENT STATUS', `${inRange.length} of ${count} elements of type ${type}`, bytes)
    }
  }

  async #geometry(): Promise<ElementAddresses> {
    if (this.#addresses !== undefined) return this.#addresses
    const page = await this.#modePage(modePage.elementAddresses)
    if (page === undefined) throw this.#unsupported('telling its elements (mode page 1Dh)')
    this.#addresses = parseElementAddresses(page)
    return this.#addresses
  }

  async #capabilities(): Promise<ChangerCapabilities | undefined> {
    const page = await this.#modePage(modePage.changerCapabilities)
    return page === undefined ? undefined : parseChangerCapabilities(page)
  }

  async #modePage(page: number): Promise<ReturnType<typeof findPage>> {
    const { supports } = await this.#who()
    for (const form of [6, 10] as const) {
      const command = form === 6 ? 'mode-sense-6' : 'mode-sense-10'
      if (!supports.has(command)) continue
      const allocationLength = form === 6 ? 255 : 512
      const cdb = buildCdb(command, { noBlockDescriptors: true, page, allocationLength })
      const bytes = await this.#unit.read(cdb, allocationLength)
      if (bytes !== undefined) return findPage(parseMode(form, bytes), page)
    }
    return undefined
  }

  async #who(): Promise<UnitFacts> {
    return (this.#facts ??= await askUnit(this.#unit))
  }

  /** Waits while the robot gets ready by itself. */
  async #ready(): Promise<void> {
    const { readyMs = 900_000 } = this.#options
    const giveUpAt = this.#clock.now() + readyMs
    for (;;) {
      const ended = await this.#unit.ask({ cdb: buildCdb('test-unit-ready') })
      if (ended.good || ended.sense.key === senseKey.noSense || ended.sense.key === senseKey.recoveredError)
        return
      if (ended.meaning !== 'becoming-ready' || this.#clock.now() >= giveUpAt)
        throw robotError(ended, this.#name)
      await this.#clock.sleep(pollMs)
    }
  }

  /** What an attention says of the inventory that was given, and of what is known of the library. */
  #attention({ meaning, text }: Told): void {
    if (meaning === 'attention') return
    if (this.#inventoryGiven) this.#changed = text
    if (meaning === 'reset' || meaning === 'changed-elsewhere' || meaning === 'elements-changed')
      this.#addresses = undefined
  }

  #unsupported(what: string): NbError {
    return new NbError('not-supported', `robot ${this.#name} does not support ${what}`, {
      details: { robot: this.#name, what },
    })
  }

  #command<Result>(options: CallOptions | undefined, run: () => Promise<Result>): Promise<Result> {
    return this.#commands.run(async () => {
      throwIfAborted(options)
      return run()
    })
  }
}

function canExchange(capabilities: ChangerCapabilities | undefined): boolean {
  return capabilities === undefined || Object.values(capabilities.exchanges).some((with_) => with_.length > 0)
}
