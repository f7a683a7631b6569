import type { DeviceOperations, MediaManager } from '@nb/contracts'
import { createDeviceDispatcher } from '@nb/emm'
import { createWireTwin } from '@nb/remote'
import { deviceOperationsSuite } from '@nb/test-kit'
import t from 'tap'
import { deviceRig } from './device-rig.ts'

const taken = new Set<string>()
const ways = [
  [
    'the device manager',
    async (devices: DeviceOperations) => ({ ports: { devices }, close: async () => undefined }),
  ],
  [
    'a master that passes it on',
    async (devices: DeviceOperations, media: MediaManager) => ({
      ports: { devices: createDeviceDispatcher({ media, mediaServers: new Map([['media1', devices]]) }) },
      close: async () => undefined,
    }),
  ],
  ['the same behind a wire', (devices: DeviceOperations) => createWireTwin({ devices })],
] as const

for (const [what, reach] of ways)
  t.test(what, async (t) => {
    const ends = new Map<unknown, () => Promise<void>>()
    deviceOperationsSuite(
      { test: (name, run) => t.test(name, run) },
      {
        setup: async () => {
          taken.clear()
          const rig = await deviceRig()
          const { ports, close } = await reach(rig.devices, rig.media)
          ends.set(ports.devices, close)
          return {
            ...ports,
            mounts: rig.devices,
            media: rig.media,
            putIntoMail: async (barcode, mailSlot) =>
              await rig.library.operator.putIntoMail({
                volume: taken.has(barcode) ? barcode : { name: barcode },
                mailSlot,
              }),
            takeFromMail: async (mailSlot) => {
              const barcode = await rig.library.operator.takeFromMail({ mailSlot })
              taken.add(barcode)
              return barcode
            },
          }
        },
        teardown: async ({ devices }) => await ends.get(devices)?.(),
      },
    )
  })
