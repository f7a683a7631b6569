import type { Clock } from '@nb/contracts'
import { buildMediumConfigurationPage } from '../../scsi/mode-pages.ts'
import type { CdbName } from '../../scsi/cdb-fields.ts'
import { deviceType } from '../../scsi/command-codes.ts'
import { densityCode } from '../density.ts'
import type { EmulatorFaultPlan, FaultEffect } from '../faults/emulator-fault.ts'
import type { Volume } from '../medium/volume.ts'
import { commonCommands } from '../target/common-commands.ts'
import type { UnitIdentity } from '../target/identity.ts'
import { LogicalUnit } from '../target/logical-unit.ts'
import { modeCommands, type ModeHeader } from '../target/mode-commands.ts'
import { ModePages } from '../target/mode-pages.ts'
import { reservationCommands } from '../target/reservation-commands.ts'
import type { TapeTimings } from '../timings.ts'
import { attributeCommands } from './attributes.ts'
import type { DriveContext } from './drive-context.ts'
import { driveLogPages, driveModePages } from './drive-pages.ts'
import { encryptionCommands } from './encryption.ts'
import { EncryptionTable } from './encryption-parameters.ts'
import { loadingCommands } from './loading.ts'
import { Mechanism, type Medium } from './mechanism.ts'
import { positioningCommands } from './positioning.ts'
import { readingCommands } from './reading.ts'
import { writingCommands } from './writing.ts'

/** What a drive is made of. */
export interface DriveUnitInput {
  readonly name: string
  readonly serial: string
  readonly clock: Clock
  readonly timings: TapeTimings
  readonly faults: EmulatorFaultPlan
  readonly lacks: readonly CdbName[]
  readonly logicalUnits: number
  readonly capacityBytes: number
  readonly compressionRatio: number
  readonly autoLoad: boolean
  readonly cleanAfterMs: number
  save(volume: Volume): Promise<void>
  surviving(objects: number): number
  losePower(by: LogicalUnit): Promise<void>
  failed(error: Error): void
}

/** A tape drive: what hosts talk to, and what robots and people do to it. */
export interface DriveUnit {
  readonly unit: LogicalUnit
  readonly mechanism: Mechanism
  readonly identity: UnitIdentity
  /** Between two commands: a volume comes into the mouth, or is taken out (5/53/02 while it is held). */
  insert(medium: Medium): Promise<void>
  take(): Promise<Medium | undefined>
  /** The power goes; `within` one of its own commands, or when all of them have ended. */
  powerOff(within: boolean): Promise<void>
  powerOn(): Promise<void>
}

/** Makes a drive without a volume. */
export function createDriveUnit(input: DriveUnitInput): DriveUnit {
  const { name, serial, timings } = input
  const modes = new ModePages(driveModePages())
  const identity: UnitIdentity = {
    deviceType: deviceType.tape,
    vendor: 'NB',
    product: 'EMULATED-LTO8',
    revision: '0001',
    serial,
  }
  const header: ModeHeader = {
    writeProtected: () => mechanism.loaded && mechanism.medium?.volume.writeProtected === true,
    bufferedMode: 1,
    density: densityCode,
    blockBytes: 0,
  }
  const encryption = new EncryptionTable()
  const unit: LogicalUnit = new LogicalUnit({
    name,
    set: 'tape',
    modes,
    faults: input.faults,
    lacks: input.lacks,
    losePower: () => input.losePower(unit),
    failed: (error) => input.failed(error),
    strike: (fault) => strike(fault, unit, mechanism, timings),
    wasReset: () => {
      Object.assign(header, { bufferedMode: 1, blockBytes: 0 })
      showWorm(mechanism.medium)
      encryption.reset()
    },
    lost: (initiator) => encryption.lost(initiator),
  })
  const mechanism: Mechanism = new Mechanism({
    ...input,
    unit,
    demounted: () => encryption.demounted(),
  })
  const showWorm = (medium: Medium | undefined): void => {
    const { page, data } = buildMediumConfigurationPage({ worm: medium?.volume.kind === 'worm' })
    modes.set(page, data)
  }
  const context: DriveContext = {
    unit,
    mechanism,
    header,
    encryption,
    compressionRatio: input.compressionRatio,
    save: ({ volume }) => input.save(volume),
  }
  unit.setCommands({
    ...commonCommands(unit, {
      identity,
      logicalUnits: input.logicalUnits,
      notReady: () => mechanism.notReady(),
      logPages: driveLogPages(unit, mechanism),
    }),
    ...modeCommands(unit, header),
    ...reservationCommands(unit),
    ...readingCommands(context),
    ...writingCommands(context),
    ...positioningCommands(context),
    ...loadingCommands(context, input.capacityBytes),
    ...attributeCommands(context),
    ...encryptionCommands(context),
  })
  return {
    unit,
    mechanism,
    identity,
    insert: (medium) =>
      unit.between(async () => {
        showWorm(medium)
        await mechanism.insert(medium)
      }),
    take: () =>
      unit.between(async () => {
        const medium = await mechanism.take()
        showWorm(undefined)
        return medium
      }),
    powerOff: async (within) => {
      unit.abortTasks()
      await mechanism.stopMotion()
      if (!within) await unit.settled()
      await mechanism.loseBuffer()
    },
    powerOn: async () => {
      unit.poweredOn()
      encryption.reset()
      Object.assign(header, { bufferedMode: 1, blockBytes: 0 })
      mechanism.stream.setRate(timings.bytesPerSecond)
      showWorm(mechanism.medium)
      await mechanism.powerOn()
    },
  }
}

/** What planned faults do to a drive before the command that they come with. */
function strike(fault: FaultEffect, unit: LogicalUnit, mechanism: Mechanism, timings: TapeTimings): void {
  if (fault.effect === 'drive-failed') unit.broken = true
  if (fault.effect === 'tape-alert') unit.alerts.raise(fault.flag)
  if (fault.effect === 'cleaning-needed') mechanism.needCleaning()
  if (fault.effect === 'slow') mechanism.stream.setRate(timings.bytesPerSecond * fault.share)
}
