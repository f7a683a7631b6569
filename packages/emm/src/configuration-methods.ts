import {
  type Clock,
  type MediaManager,
  type MediaManagerEvents,
  NbError,
  type SpaceReport,
  throwIfAborted,
} from '@nb/contracts'
import { checkBoolean, checkInteger, checkName, invalid } from './argument-checks.ts'
import {
  afterReport,
  bytesToLowWater,
  isOverHighWater,
  mayHelp,
  usedPercent,
  waterMarks,
} from './disk-space.ts'
import * as configuration from './configuration.ts'
import type { Ledger } from './ledger.ts'

type ConfigurationMethods = Pick<
  MediaManager,
  | 'putStorageUnit'
  | 'removeStorageUnit'
  | 'setStorageUnitState'
  | 'putMediaServer'
  | 'reportLoad'
  | 'reportSpace'
  | 'putRobot'
  | 'putGroup'
  | 'removeGroup'
  | 'putPool'
  | 'putVolume'
  | 'putDrive'
>

/** The methods by which a person says what there is, and media servers how it is. */
export function configurationMethods(
  ledger: Ledger,
  clock: Clock,
  onHighWater: (event: MediaManagerEvents['storage-unit:high-water']) => void,
): ConfigurationMethods {
  return {
    putStorageUnit: (input, options) =>
      ledger.change(options, (inventory) => configuration.putUnit(inventory, input)),
    removeStorageUnit: ({ name }, options) =>
      ledger.change(options, (inventory) => configuration.removeUnit(inventory, name)),
    setStorageUnitState: (input, options) =>
      ledger.change(options, (inventory) => configuration.setUnitState(inventory, input)),
    putMediaServer: (input, options) =>
      ledger.change(options, (inventory) => configuration.putMediaServer(inventory, input)),
    reportLoad: async ({ name, load }, options) => {
      throwIfAborted(options)
      checkName('name', name)
      if (typeof load !== 'number' || !(load >= 0 && load <= 1)) throw invalid('load', load, 'a number 0–1')
      const { inventory } = ledger
      if (!inventory.mediaServers.has(name))
        throw new NbError('media-server-unknown', `media server ${name} is not registered`, {
          details: { mediaServer: name },
        })
      inventory.loads.set(name, { value: load, at: clock.now() })
    },
    reportSpace: async (input, options) => {
      throwIfAborted(options)
      const { storageUnit: name } = input
      checkSpaceReport(input)
      const { inventory } = ledger
      const unit = inventory.units.get(name)
      if (unit?.type !== 'disk')
        throw new NbError('storage-unit-unknown', `disk storage unit ${name} is not configured`, {
          details: { storageUnit: name },
        })
      if ('missing' in input) {
        inventory.missing.set(name, input.missing)
        return
      }
      inventory.missing.delete(name)
      const before = inventory.spaces.get(name)
      const space = afterReport(before, input, clock.now())
      inventory.spaces.set(name, space)
      if (mayHelp(before, space)) ledger.tell({ storageUnits: [name], groups: [] })
      if (!isOverHighWater(unit, space)) return
      const { high } = waterMarks(unit)
      const toLow = bytesToLowWater(unit, space)
      const staging = unit.staging === true
      onHighWater({
        name,
        usedPercent: usedPercent(space),
        highWaterPercent: high,
        bytesToLowWater: toLow,
        staging,
      })
    },
    putRobot: (input, options) =>
      ledger.change(options, (inventory) => configuration.putRobot(inventory, input)),
    putGroup: (input, options) =>
      ledger.change(options, (inventory) => configuration.putGroup(inventory, input)),
    removeGroup: ({ name }, options) =>
      ledger.change(options, (inventory) => configuration.removeGroup(inventory, name)),
    putPool: (input, options) =>
      ledger.change(options, (inventory) => configuration.putPool(inventory, input)),
    putVolume: (input, options) =>
      ledger.change(options, (inventory) => configuration.putVolume(inventory, input)),
    putDrive: (input, options) =>
      ledger.change(options, (inventory) => configuration.putDrive(inventory, input)),
  }
}

function checkSpaceReport(input: SpaceReport): void {
  checkName('storageUnit', input.storageUnit)
  if ('missing' in input) {
    if (typeof input.missing !== 'string' || input.missing === '')
      throw invalid('missing', input.missing, 'a sentence')
    return
  }
  const { totalBytes, freeBytes, full } = input
  checkInteger('totalBytes', totalBytes, 0, Number.MAX_SAFE_INTEGER, ' bytes')
  checkInteger('freeBytes', freeBytes, 0, totalBytes, ' bytes (at most totalBytes)')
  if (full !== undefined) checkBoolean('full', full)
}
