import { type Clock, type MediaManager, NbError, throwIfAborted } from '@nb/contracts'
import { checkName, invalid } from './argument-checks.ts'
import * as configuration from './configuration.ts'
import type { Ledger } from './ledger.ts'

type ConfigurationMethods = Pick<
  MediaManager,
  | 'putStorageUnit'
  | 'removeStorageUnit'
  | 'setStorageUnitState'
  | 'putMediaServer'
  | 'reportLoad'
  | 'putRobot'
  | 'putGroup'
  | 'removeGroup'
  | 'putPool'
  | 'putVolume'
  | 'putDrive'
>

/** The methods by which a person says what there is. */
export function configurationMethods(ledger: Ledger, clock: Clock): ConfigurationMethods {
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
