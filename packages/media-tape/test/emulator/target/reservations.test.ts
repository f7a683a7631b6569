import type { ScsiTransport } from '@nb/contracts'
import t from 'tap'
import { reservationIn, reservationOut } from '../../../src/scsi/command-codes.ts'
import {
  buildReservationChange,
  parseReservation,
  parseReservationKeys,
} from '../../../src/scsi/unit-answers.ts'
import { loadedDrive, send, settle } from '../send.ts'

async function twoHosts() {
  const { emulator, drive: one } = await loadedDrive()
  const two = emulator.transport('drive1', 'two')
  await settle(two)
  return { emulator, one, two }
}
const change = async (
  host: ScsiTransport,
  action: keyof typeof reservationOut,
  key: bigint,
  newKey = 0n,
  type = 0,
): Promise<string> => {
  const dataOut = buildReservationChange({ key, serviceActionKey: newKey, throughPowerLoss: false })
  const fields = { serviceAction: reservationOut[action], type, parameterListLength: dataOut.length }
  return (await send(host, 'persistent-reserve-out', fields, { dataOut })).end
}
const ready = async (host: ScsiTransport): Promise<string> => (await send(host, 'test-unit-ready')).end

t.test('a unit that one host has reserved is kept from others, until it is released', async (t) => {
  const { one, two } = await twoHosts()
  t.equal((await send(one, 'reserve-6')).end, 'good')
  t.equal((await send(one, 'reserve-6')).end, 'good', 'again')
  t.equal((await send(two, 'reserve-6')).end, 'conflict')
  t.equal(await ready(two), 'conflict')
  t.equal((await send(two, 'inquiry')).end, 'good')
  t.equal((await send(two, 'release-6')).end, 'good', 'but it does nothing')
  t.equal(await ready(two), 'conflict')
  t.equal(await ready(one), 'good')
  t.equal((await send(one, 'release-6')).end, 'good')
  t.equal(await ready(two), 'good')
})

t.test('a reservation ends with the connection, or with a reset', async (t) => {
  const { one, two } = await twoHosts()
  await send(one, 'reserve-6')
  await one.close()
  t.equal(await ready(two), 'good')
  await settle(one)
  await send(one, 'reserve-6')
  await two.reset()
  await settle(two)
  t.equal(await ready(two), 'good')
})

t.test('a persistent reservation outlives connection and reset, and is exclusive', async (t) => {
  const { one, two, emulator } = await twoHosts()
  t.equal(await change(one, 'reserve', 1n, 0n, 3), 'conflict', 'not registered')
  t.equal(await change(one, 'register', 0n, 1n), 'good')
  t.equal(await change(one, 'register', 0n, 2n), 'conflict', 'it has a key by now')
  t.equal(await change(one, 'registerIgnoring', 0n, 1n), 'good')
  t.equal(await change(one, 'reserve', 1n, 0n, 3), 'good')
  await one.close()
  await two.reset()
  await settle(two)
  t.equal(await ready(two), 'conflict')
  t.equal((await send(two, 'reserve-6')).end, 'conflict')
  const held = (await send(two, 'persistent-reserve-in', { serviceAction: reservationIn.reservation })).data
  t.same(parseReservation(held), { generation: 2, holder: { key: 1n, scope: 0, type: 3 } })
  const keys = (await send(two, 'persistent-reserve-in', { serviceAction: reservationIn.keys })).data
  t.same(parseReservationKeys(keys).keys, [1n])
  await settle(one)
  t.equal(await change(one, 'release', 1n, 0n, 1), '5/26/04', 'of another type')
  t.equal(await change(one, 'release', 1n, 0n, 3), 'good')
  t.equal(await ready(two), 'good')
  await change(one, 'reserve', 1n, 0n, 3)
  await emulator.losePower()
  await settle(two)
  t.equal(await ready(two), 'good', 'a loss of power ends it')
})

t.test('a host that is registered can take over, and the other is told', async (t) => {
  const { one, two } = await twoHosts()
  await change(one, 'register', 0n, 1n)
  await change(two, 'register', 0n, 2n)
  t.equal(await change(one, 'reserve', 1n, 0n, 1), 'good')
  t.equal(await ready(two), 'conflict')
  t.equal(await change(two, 'preempt', 2n, 9n, 1), 'conflict', 'nobody has that key')
  t.equal(await change(two, 'preempt', 2n, 1n, 1), 'good')
  t.equal(await ready(two), 'good')
  t.equal(await ready(one), '6/2a/05')
  t.equal(await ready(one), 'conflict')
})

t.test('where all that are registered may use it, others may not', async (t) => {
  const { one, two, emulator } = await twoHosts()
  const three = emulator.transport('drive1', 'three')
  await settle(three)
  await change(one, 'register', 0n, 1n)
  await change(two, 'register', 0n, 2n)
  await change(one, 'reserve', 1n, 0n, 6)
  t.equal(await ready(two), 'good')
  t.equal(await ready(three), 'conflict')
  t.equal(await change(one, 'register', 1n, 0n), 'good', 'its registration ends, and the reservation')
  t.equal(await ready(two), '6/2a/04')
  t.equal(await ready(three), 'good')
  t.equal(await change(two, 'clear', 2n), 'good')
})
