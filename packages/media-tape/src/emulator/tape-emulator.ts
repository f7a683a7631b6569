import { type Clock, type Lifecycle, NbError, type ScsiTransport } from '@nb/contracts'
import { type ChangerUnit, createChangerUnit } from './changer/changer-unit.ts'
import { createDriveUnit, type DriveUnit } from './drive/drive-unit.ts'
import { EmulatedTransport } from './emulated-transport.ts'
import { createEmulatorFaultPlan, type EmulatorFaultPlan } from './faults/emulator-fault.ts'
import { numbers } from './faults/random-faults.ts'
import { checkOptions, type TapeEmulatorOptions } from './library-options.ts'
import { LibraryState } from './library-state.ts'
import type { CartridgeStore } from './medium/cartridge.ts'
import { memoryCartridges } from './medium/memory-cartridges.ts'
import type { Volume } from './medium/volume.ts'
import { createOperator, type Operator } from './operator.ts'
import { CheckCondition } from './target/answer.ts'
import { conditions } from './target/conditions.ts'
import { designatorOf } from './target/identity.ts'
import type { LogicalUnit } from './target/logical-unit.ts'

/** What an emulated library works with. */
export interface TapeEmulatorComponents {
  readonly clock: Clock
  /** Where cartridges are kept. @default memoryCartridges() */
  readonly store?: CartridgeStore
}

/**
 * A tape library that is nowhere but here, as SCSI units: LUN 0 is the changer, then come the drives. Start it before use. Stopping it loses nothing;
 * `losePower` loses what was in the buffers.
 */
export interface TapeEmulator extends Required<Lifecycle> {
  /**
   * The way of one host to one unit, `changer` or `drive1`, `drive2`, … The same host gets the same transport again. Throws `not-found` for a unit
   * that isn't there. The host's name is an initiator's, for reservations. @default host 'host'
   */
  transport(unit: string, host?: string): ScsiTransport
  /** Pulls the cable between a host and a unit, which can be reached again at once. @default host 'host' */
  breakConnection(unit: string, host?: string): void
  /** Keeps a unit from beginning commands until the function that it gives is called; then it begins them in their order. */
  hold(unit: string): () => void
  /** Names of the units: the changer first. */
  readonly units: readonly string[]
  readonly operator: Operator
  /** What goes wrong, and what has not yet. */
  readonly faults: EmulatorFaultPlan
  /** What a cartridge in the library remembers; of one in a drive, as of its last load or unload. */
  volume(name: string): Volume
  /** What the store of cartridges failed with; hosts were told 4/44/00. */
  readonly failures: readonly Error[]
  /** The power goes and comes back: connections break, buffers are lost, drives load what is in them. */
  losePower(): Promise<void>
}

/** Makes an emulated tape library. Throws `TypeError` for an option out of bounds. */
export function createTapeEmulator(
  { clock, store = memoryCartridges() }: TapeEmulatorComponents,
  options: TapeEmulatorOptions,
): TapeEmulator {
  const checked = checkOptions(options)
  const state = new LibraryState(store, checked)
  const faults = createEmulatorFaultPlan(checked.faults)
  const random = checked.powerLossSeed === undefined ? undefined : numbers(checked.powerLossSeed)
  const transports = new Map<string, EmulatedTransport>()
  const logicalUnits = checked.drives + 1
  let isOn = false

  const failures: Error[] = []
  const failed = (error: Error): void => void failures.push(error)
  let cycle: Promise<void> | undefined
  const powerCycle = async (by: LogicalUnit | undefined): Promise<void> => {
    isOn = false
    // Whoever waits learns of it when the library can be reached again.
    const tell = [...transports.values()].map((transport) => transport.cut('the power was away'))
    for (const drive of drives) await drive.powerOff(drive.unit === by)
    changer.unit.poweredOn()
    for (const drive of drives) await drive.powerOn()
    isOn = true
    for (const one of tell) one()
  }
  const losePower = async (by?: LogicalUnit): Promise<void> => {
    // Two units that wait for each other's commands to end would wait for ever.
    if (cycle !== undefined && by !== undefined) return
    cycle ??= powerCycle(by).finally(() => (cycle = undefined))
    await cycle
  }
  const drives: readonly DriveUnit[] = Array.from({ length: checked.drives }, (_, at) =>
    createDriveUnit({
      ...checked,
      name: `drive${at + 1}`,
      serial: `${checked.serialPrefix}D${String(at + 1).padStart(5, '0')}`,
      clock,
      faults,
      logicalUnits,
      losePower,
      failed,
      save: (volume) => state.saveVolume(volume),
      surviving: (objects) => (random === undefined ? 0 : Math.floor(random() * (objects + 1))),
    }),
  )
  const driveOf = (number: number): DriveUnit => drives[number - 1] as DriveUnit
  const insert = async (number: number, name: string): Promise<void> => {
    const cartridge = await store.open(name)
    await driveOf(number).insert({ volume: state.volume(name), cartridge })
  }
  const changer: ChangerUnit = createChangerUnit({
    clock,
    timings: checked.timings,
    faults,
    lacks: checked.lacks,
    logicalUnits,
    losePower,
    failed,
    serial: `${checked.serialPrefix}L00001`,
    elements: state.elements,
    labelOf: (name) => state.labelOf(name),
    save: () => state.saveLayout(),
    take: async (number) => {
      // At once: a drive that is busy with its volume is not waited for.
      if (driveOf(number).mechanism.holds) throw new CheckCondition(conditions.removalPrevented)
      await driveOf(number).take()
    },
    insert,
    designator: (number) => designatorOf(driveOf(number).identity),
    holds: (number) => driveOf(number).mechanism.holds,
  })
  const units = new Map<string, LogicalUnit>([
    ['changer', changer.unit],
    ...drives.map(({ unit }) => [unit.name, unit] as const),
  ])

  const unitOf = (unitName: string): LogicalUnit => {
    const unit = units.get(unitName)
    if (unit !== undefined) return unit
    throw new NbError('not-found', `the library has no unit ${unitName}`, { details: { unit: unitName } })
  }
  const transport = (unitName: string, host = 'host'): EmulatedTransport => {
    const unit = unitOf(unitName)
    const key = `${unitName} ${host}`
    const known = transports.get(key)
    if (known !== undefined) return known
    const made = new EmulatedTransport({
      clock,
      unit,
      initiator: host,
      name: `emulator:${checked.serialPrefix}/${unitName}`,
      queueDepth: checked.queueDepth,
      isReachable: () => isOn,
    })
    transports.set(key, made)
    return made
  }

  let started: Promise<void> | undefined
  const start = async (): Promise<void> => {
    await state.open()
    for (const { address, holds } of state.elements.all) {
      const number = state.elements.driveAt(address)
      if (number !== undefined && holds !== null) await insert(number, holds)
    }
    isOn = true
  }
  return {
    units: [...units.keys()],
    faults,
    operator: createOperator(state, changer, drives, checked),
    volume: (name) => state.volume(name),
    failures,
    losePower: () => losePower(),
    transport,
    breakConnection: (unitName, host) => transport(unitName, host).lose('the cable was pulled'),
    hold: (unitName) => {
      let release = (): void => undefined
      const held = new Promise<void>((resolve) => (release = resolve))
      void unitOf(unitName).between(() => held)
      return release
    },
    start: () =>
      (started ??= start().catch((error: unknown) => {
        started = undefined
        throw error
      })),
    stop: async () => {
      await started?.catch(() => undefined)
      started = undefined
      isOn = false
      for (const transport of transports.values()) await transport.close()
      for (const unit of units.values()) await unit.settled()
      for (const drive of drives) await drive.mechanism.shutDown()
    },
  }
}
