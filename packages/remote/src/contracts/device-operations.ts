import type { DeviceOperations } from '@nb/contracts'
import { ejected, injectReport, inventoryDifference, labelled, robotInventory } from '../schemas/devices.ts'
import { closed, flag, list, maybe, text } from '../schemas/schema.ts'
import { call, type InputOf, type PortContract } from './port-contract.ts'

type In<Name extends keyof DeviceOperations> = InputOf<DeviceOperations, Name>

const ofRobot = closed<{ readonly robot: string }>({ robot: text })

export const deviceOperationsContract: PortContract<DeviceOperations> = {
  inventory: call(ofRobot, robotInventory),
  updateInventory: call(ofRobot, list(inventoryDifference)),
  inject: call(ofRobot, injectReport),
  eject: call(closed<In<'eject'>>({ volumeId: text }), ejected),
  label: call(closed<In<'label'>>({ volumeId: text, drive: maybe(text), overwrite: maybe(flag) }), labelled),
}
