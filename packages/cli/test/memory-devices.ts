import {
  type DeviceOperations,
  type InjectReport,
  type InventoryDifference,
  type InventoryPlace,
  NbError,
} from '@nb/contracts'

/** Devices that tell what a test lets them find, and note what they were asked. */
export interface MemoryDevices extends DeviceOperations {
  places: readonly InventoryPlace[]
  differences: readonly InventoryDifference[]
  report: InjectReport
  readonly asked: unknown[]
}

export function memoryDevices(): MemoryDevices {
  const known = (robot: string): void => {
    if (robot !== 'tld0')
      throw new NbError('not-found', `This media server has no robot ${robot}.`, { details: { robot } })
  }
  const devices: MemoryDevices = {
    places: [],
    differences: [],
    report: { injected: [], left: [], differences: [] },
    asked: [],
    inventory: async ({ robot }) => {
      known(robot)
      return { robot, places: devices.places, differences: devices.differences }
    },
    updateInventory: async ({ robot }) => {
      known(robot)
      return devices.differences
    },
    inject: async ({ robot }) => {
      known(robot)
      return devices.report
    },
    eject: async ({ volumeId }) => {
      if (volumeId !== 'A00001')
        throw new NbError('element-full', `Volume ${volumeId} stays in robot tld0: no mail slot is empty.`)
      return { volumeId, robot: 'tld0', mailSlot: 1 }
    },
    label: async (input) => {
      devices.asked.push(input)
      return { volumeId: input.volumeId, drive: input.drive ?? 'drive0', generation: 'g-1' }
    },
  }
  return devices
}
