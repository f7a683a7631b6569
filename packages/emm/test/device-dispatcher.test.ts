import { type DeviceOperations, type Drive, NbError, type Volume } from '@nb/contracts'
import t from 'tap'
import { createDeviceDispatcher } from '../src/device-dispatcher.ts'
import { drive, volume } from './site.ts'

async function* items<Item>(all: readonly Item[]): AsyncGenerator<Item, void, undefined> {
  yield* all
}

const drives: readonly Drive[] = [
  drive('d1', { mediaServer: 'media1', robot: 'r1' }),
  drive('d2', { mediaServer: 'media2', robot: 'r2' }),
  drive('d3', { mediaServer: 'media3', robot: 'r3' }),
]
const { robot: _, ...nowhere } = volume('OUT001')
const volumes: readonly Volume[] = [
  volume('A00001', { robot: 'r1' }),
  volume('B00001', { robot: 'r2' }),
  nowhere,
]

/** The devices of two media servers; the third has no address. Each call is noted as `server method what`. */
function site(inMail?: string) {
  const calls: string[] = []
  const devicesOf = (name: string): DeviceOperations => {
    const note = (method: string) => async (input: { readonly volumeId?: string }) => {
      calls.push(`${name} ${method} ${Object.values(input).join(' ')}`)
      if (method === 'eject' && input.volumeId === 'OUT001' && inMail !== name)
        throw new NbError('state-conflict', 'is in no robot')
      return { volumeId: input.volumeId, robot: name, mailSlot: 1 }
    }
    const methods = ['inventory', 'updateInventory', 'inject', 'eject', 'label']
    return Object.fromEntries(methods.map((method) => [method, note(method)])) as unknown as DeviceOperations
  }
  const known = new Map(['media1', 'media2'].map((name) => [name, devicesOf(name)]))
  const media = {
    drives: ({ name }: { name?: string }) =>
      items(drives.filter((each) => name === undefined || each.name === name)),
    volumes: ({ volumeId }: { volumeId?: string }) =>
      items(volumes.filter((each) => each.volumeId === volumeId)),
  }
  return { calls, devices: createDeviceDispatcher({ media, mediaServers: known }) }
}

t.test('what is asked of a robot, a drive or a volume goes to the media server that has it', async (t) => {
  const { calls, devices } = site()
  await devices.inventory({ robot: 'r2' })
  await devices.updateInventory({ robot: 'r1' })
  await devices.inject({ robot: 'r2' })
  await devices.eject({ volumeId: 'B00001' })
  await devices.label({ volumeId: 'A00001' })
  await devices.label({ volumeId: 'A00001', drive: 'd2' })
  t.same(calls, [
    'media2 inventory r2',
    'media1 updateInventory r1',
    'media2 inject r2',
    'media2 eject B00001',
    'media1 label A00001',
    'media2 label A00001 d2',
  ])
})

t.test('a volume that waits in a mail slot is found in the robot that has it', async (t) => {
  const { calls, devices } = site('media2')
  t.match(await devices.eject({ volumeId: 'OUT001' }), { robot: 'media2' })
  t.same(calls, ['media1 eject OUT001', 'media2 eject OUT001'])
})

t.test('what nobody has is refused, and what can not be reached is told', async (t) => {
  const { devices } = site()
  await t.rejects(devices.inventory({ robot: 'r9' }), { code: 'not-found', details: { robot: 'r9' } })
  await t.rejects(devices.label({ volumeId: 'A00001', drive: 'd9' }), { code: 'not-found' })
  await t.rejects(devices.label({ volumeId: 'X00001', drive: 'd1' }), { code: 'not-found' })
  await t.rejects(devices.label({ volumeId: 'OUT001' }), { code: 'state-conflict' })
  await t.rejects(devices.eject({ volumeId: 'X00001' }), { code: 'not-found' })
  await t.rejects(devices.inject({ robot: 'r3' }), {
    code: 'media-server-unknown',
    message: /media3 has no address/,
  })
})
