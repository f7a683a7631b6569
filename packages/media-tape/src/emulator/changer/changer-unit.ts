import type { Clock } from '@nb/contracts'
import type { CdbName } from '../../scsi/cdb-fields.ts'
import { deviceType, elementType, logPage, modePage } from '../../scsi/command-codes.ts'
import { buildChangerCapabilities, buildElementAddresses } from '../../scsi/mode-pages.ts'
import { buildTapeAlerts } from '../../scsi/tape-alert.ts'
import type { Designator } from '../../scsi/inquiry.ts'
import type { EmulatorFaultPlan } from '../faults/emulator-fault.ts'
import { commonCommands } from '../target/common-commands.ts'
import type { UnitIdentity } from '../target/identity.ts'
import { LogicalUnit } from '../target/logical-unit.ts'
import { modeCommands } from '../target/mode-commands.ts'
import { ModePages, type UnitModePage } from '../target/mode-pages.ts'
import { reservationCommands } from '../target/reservation-commands.ts'
import type { TapeTimings } from '../timings.ts'
import { changerCommands } from './changer-commands.ts'
import type { Elements } from './elements.ts'
import { Robot, type RobotParts } from './robot.ts'

/** What a changer is made of. */
export interface ChangerUnitInput extends Pick<RobotParts, 'labelOf' | 'save' | 'take' | 'insert'> {
  readonly serial: string
  readonly clock: Clock
  readonly timings: TapeTimings
  readonly faults: EmulatorFaultPlan
  readonly lacks: readonly CdbName[]
  readonly logicalUnits: number
  readonly elements: Elements
  readonly designator: (drive: number) => Designator
  readonly holds: (drive: number) => boolean
  losePower(by: LogicalUnit): Promise<void>
  failed(error: Error): void
}

/** A media changer. */
export interface ChangerUnit {
  readonly unit: LogicalUnit
  readonly robot: Robot
}

/** Makes a changer over elements. */
export function createChangerUnit(input: ChangerUnitInput): ChangerUnit {
  const { elements, faults } = input
  const identity: UnitIdentity = {
    deviceType: deviceType.changer,
    vendor: 'NB',
    product: 'EMULATED-LIB',
    revision: '0001',
    serial: input.serial,
  }
  const unit: LogicalUnit = new LogicalUnit({
    name: 'changer',
    set: 'changer',
    modes: new ModePages(pages(elements)),
    faults,
    lacks: input.lacks,
    losePower: () => input.losePower(unit),
    failed: (error) => input.failed(error),
    strike: (fault) => {
      if (fault.effect === 'tape-alert') unit.alerts.raise(fault.flag)
      if (fault.effect === 'drive-failed') unit.broken = true
    },
    wasReset: () => undefined,
    lost: () => undefined,
  })
  const robot = new Robot({ ...input, unit })
  unit.setCommands({
    ...commonCommands(unit, {
      identity,
      logicalUnits: input.logicalUnits,
      notReady: () => undefined,
      logPages: new Map([
        [logPage.tapeAlert, (initiator: string) => buildTapeAlerts(unit.alerts.tell(initiator))],
      ]),
    }),
    ...modeCommands(unit),
    ...reservationCommands(unit),
    ...changerCommands({ ...input, robot }),
  })
  return { unit, robot }
}

/** The mode pages of a changer (SPC-5, 7.5; SMC-3, 7.3). */
function pages({ addresses }: Elements): UnitModePage[] {
  const { storage, importExport, drive } = elementType
  const holders = [storage, importExport, drive]
  const each = Object.fromEntries(holders.map((type) => [type, holders]))
  return [
    { page: modePage.control, data: new Uint8Array(10), changeable: [0x04] },
    { page: modePage.informationalExceptions, data: new Uint8Array(10) },
    buildElementAddresses(addresses),
    { page: modePage.transportGeometry, data: new Uint8Array(2) },
    buildChangerCapabilities({ holds: holders, moves: each, exchanges: each }),
  ]
}
