import { NbError, type TapeRobot } from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { collect, createVirtualClock } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createDeviceManager, createScsiTapeDrive } from '../../src/index.ts'
import { deviceRig, type DeviceRig, wanting } from './device-rig.ts'

/** A drive with a volume of an earlier job in it that it does not give back. */
async function withStuckVolume(rig: DeviceRig): Promise<void> {
  const first = await rig.devices.mount(wanting('A00001'))
  await first.unmount()
  rig.library.faults.add({ unit: 'drive1', command: 'load-unload', effect: 'drive-failed', occurrence: 1 })
}

t.test(
  'a drive that keeps the volume of the job before is down, and comes back with its volume home',
  async (t) => {
    const rig = await deviceRig()
    await withStuckVolume(rig)
    await t.rejects(rig.devices.mount(wanting('A00002')), {
      code: 'drive-not-ready',
      message: /does not give back what is in it/,
    })
    t.match(await rig.drive('drive1'), {
      state: 'down',
      stateReason: /does not give back/,
      loadedVolume: 'A00001',
    })
    t.match(await collect(rig.media.mediaErrors({ drive: 'drive1' })), [{ kind: 'position' }])
    await rig.library.operator.restartDrive({ drive: 1 })
    await rig.clock.advance(60_000)
    const drive = await rig.drive('drive1')
    t.match([drive.state, drive.loadedVolume, drive.stateReason], ['up', undefined, undefined])
    t.same(await rig.inDrives(), { drive1: undefined, drive2: undefined })
    await (await rig.devices.mount(wanting('A00002'))).unmount()
    t.same(rig.library.faults.pending, [])
  },
)

t.test('a person who took the drive down meanwhile brings it up', async (t) => {
  const rig = await deviceRig()
  await withStuckVolume(rig)
  await t.rejects(rig.devices.mount(wanting('A00002')), { code: 'drive-not-ready' })
  await rig.media.setDriveState({ name: 'drive1', state: 'down', reason: 'the belt is worn' })
  await rig.library.operator.restartDrive({ drive: 1 })
  await rig.clock.advance(60_000)
  t.match(await rig.drive('drive1'), { state: 'down', stateReason: 'the belt is worn' })
  t.same(await rig.inDrives(), { drive1: undefined, drive2: undefined }, 'what was in it is home')
})

t.test('the third error of a drive takes it down for good, not until it answers again', async (t) => {
  const rig = await deviceRig()
  for (const volumeId of ['A00003', 'A00004'])
    await rig.media.reportError({ drive: 'drive1', volumeId, kind: 'write' })
  await withStuckVolume(rig)
  await t.rejects(rig.devices.mount(wanting('A00002')), { code: 'drive-not-ready' })
  t.match(await rig.drive('drive1'), { state: 'down', stateReason: /3 errors/ })
  await rig.library.operator.restartDrive({ drive: 1 })
  await rig.clock.advance(60_000)
  t.match(await rig.drive('drive1'), { state: 'down', stateReason: /3 errors/ })
})

t.test('a drive that can not be reached has not failed: it is down until it answers', async (t) => {
  const rig = await deviceRig()
  await (await rig.devices.mount(wanting('A00001'))).unmount()
  const lost = { unit: 'drive1', command: 'load-unload', effect: 'transport-lost', ran: true } as const
  rig.library.faults.add({ ...lost, occurrence: 1 })
  await t.rejects(rig.devices.mount(wanting('A00002')), {
    code: 'drive-not-ready',
    status: 40,
    message: /the connection to drive drive1 was lost while unloading/,
  })
  t.match(await rig.drive('drive1'), { state: 'down', stateReason: /was lost while unloading/ })
  t.same(await collect(rig.media.mediaErrors({})), [])
  await rig.clock.advance(60_000)
  t.match(await rig.drive('drive1'), { state: 'up' })
  await (await rig.devices.mount(wanting('A00002'))).unmount()
  t.same(rig.library.faults.pending, [])
})

t.test(
  'a volume of another density is refused before anything moves, and does not stop a start',
  async (t) => {
    const rig = await deviceRig()
    await (await rig.devices.mount(wanting('A00001'))).unmount()
    await rig.media.putVolume({ ...(await rig.volume('A00002')), density: 'dlt' })
    await t.rejects(rig.devices.mount(wanting('A00002')), {
      code: 'media-open-failed',
      retryable: false,
      message: /has density dlt, drive drive1 hcart/,
    })
    t.same(await rig.inDrives(), { drive1: 'A00001L8', drive2: undefined })
    await rig.media.recordUnmount({ drive: 'drive1' })
    await rig.media.putVolume({ ...(await rig.volume('A00001')), density: 'dlt' })
    const again = rig.again()
    await again.start()
    t.equal((await rig.drive('drive1')).loadedVolume, undefined)
    await (await again.mount(wanting('A00003'))).unmount()
    t.same(await rig.inDrives(), { drive1: 'A00003L8', drive2: undefined }, 'it made room')
  },
)

t.test('what the media manager did not hear is corrected by the next mount', async (t) => {
  const rig = await deviceRig()
  await rig.media.recordMount({ volumeId: 'A00002', drive: 'drive1' })
  await rig.media.recordMount({ volumeId: 'A00001', drive: 'drive2' })
  const mounted = await rig.devices.mount(wanting('A00001'))
  t.equal((await rig.drive('drive1')).loadedVolume, 'A00001')
  t.equal((await rig.drive('drive2')).loadedVolume, undefined)
  await mounted.unmount()
})

t.test('a robot that can not be asked at the start is down until it can', async (t) => {
  const clock = createVirtualClock()
  const media = createMediaManager({ store: new MemoryLevel(), clock })
  await media.start()
  await media.putRobot({ name: 'robot1', state: 'up' })
  let isOpen = true
  const robot: TapeRobot = {
    inventory: async () => {
      if (isOpen) throw new NbError('robot-not-ready', 'a door is open')
      return []
    },
    move: async () => {
      throw new NbError('element-empty', 'there is nothing to move')
    },
  }
  const devices = createDeviceManager({ robots: { robot1: robot }, drives: {}, media, clock })
  await devices.start()
  t.match(await collect(media.robots({})), [{ state: 'down', stateReason: /a door is open/ }])
  isOpen = false
  await clock.advance(60_000)
  t.match(await collect(media.robots({})), [{ state: 'up' }])
  await devices.stop()
})

t.test(
  'what it has taken down comes back after a restart too; what a person has taken down does not',
  async (t) => {
    const rig = await deviceRig({ library: { autoLoad: false } })
    rig.library.faults.add({ unit: 'drive1', command: 'load-unload', effect: 'drive-failed', occurrence: 1 })
    await t.rejects(rig.devices.mount(wanting('A00001')), { code: 'drive-not-ready' })
    for (let time = 1; time <= 2; time++)
      rig.library.faults.add({
        unit: 'changer',
        command: 'move-medium',
        effect: 'robot-jam',
        occurrence: time,
      })
    await t.rejects(rig.devices.mount(wanting('A00002', 'drive2')), NbError)
    t.match(await rig.drive('drive1'), { state: 'down' })
    t.match(await collect(rig.media.robots({})), [{ state: 'down' }])
    await rig.devices.stop()
    await rig.library.operator.restartDrive({ drive: 1 })
    await rig.library.operator.freeRobot()
    const again = rig.again()
    await again.start()
    t.match(await collect(rig.media.robots({})), [{ state: 'up' }], 'the robot tells what it has')
    await rig.clock.advance(60_000)
    t.match(await rig.drive('drive1'), { state: 'up' })

    await rig.media.putRobot({ name: 'robot1', state: 'down', stateReason: 'is being painted' })
    await rig.media.setDriveState({ name: 'drive2', state: 'down', reason: 'too loud' })
    await again.stop()
    const third = rig.again()
    await third.start()
    await rig.clock.advance(120_000)
    t.match(await collect(rig.media.robots({})), [{ state: 'down', stateReason: 'is being painted' }])
    t.match(await rig.drive('drive2'), { state: 'down', stateReason: 'too loud' })
    await third.stop()
  },
)

t.test('a drive is ours while it holds a volume, and other hosts’ otherwise', async (t) => {
  const rig = await deviceRig({ reservationKey: 7n })
  const { clock, library } = rig
  const other = createScsiTapeDrive({ transport: library.transport('drive1', 'other'), clock })
  const mounted = await rig.devices.mount(wanting('A00001'))
  await t.rejects(other.reserve({ key: 8n }), { code: 'scsi-access-denied' })
  await mounted.unmount()
  await t.rejects(other.status(), { code: 'scsi-access-denied' }, 'while it waits with its volume too')
  await rig.devices.unloadIdle()
  t.comment('what another host has is down with the reason, and the job is for another drive')
  await other.reserve({ key: 8n })
  await t.rejects(rig.devices.mount(wanting('A00001')), {
    code: 'drive-not-ready',
    retryable: true,
    message: /reserved by another host \(key 0x0000000000000008\)/,
  })
  t.match(await rig.drive('drive1'), {
    state: 'down',
    stateReason: /reserved by another host \(key 0x0000000000000008\)/,
  })
  await (await rig.devices.mount(wanting('A00001', 'drive2'))).unmount()
  await clock.advance(60_000)
  t.equal((await rig.drive('drive1')).state, 'down')
  await other.release()
  await clock.advance(60_000)
  t.equal((await rig.drive('drive1')).state, 'up')
  await (await rig.devices.mount(wanting('A00003'))).unmount()
  await rig.devices.stop()
  await other.reserve({ key: 8n })
})

t.test('what a device manager that died has left reserved is given back at the next start', async (t) => {
  const rig = await deviceRig({ reservationKey: 7n })
  const { clock, library } = rig
  const before = createScsiTapeDrive({ transport: library.transport('drive2', 'before'), clock })
  await before.reserve({ key: 7n })
  const again = rig.again()
  await again.start()
  await (await again.mount(wanting('A00001', 'drive2'))).unmount()
  await again.stop()
  const other = createScsiTapeDrive({ transport: library.transport('drive2', 'other'), clock })
  await other.reserve({ key: 8n })
  await t.rejects(deviceRig({ reservationKey: 0n }), TypeError)
})

t.test(
  'a robot that is wrong about its places looks again, and the volume is had from where it is',
  async (t) => {
    const rig = await deviceRig({ unmountDelayMs: 0 })
    for (const volumeId of ['A00001', 'A00002']) await (await rig.devices.mount(wanting(volumeId))).unmount()
    await rig.clock.advance(1000)
    await rig.library.operator.swapSlots({ slot: 1, with: 2 })
    const mounted = await rig.devices.mount(wanting('A00001'))
    t.equal(mounted.generation, (await rig.volume('A00001')).generation)
    t.match(rig.warnings, [
      /^robot robot1: what it put into drive drive1 as volume A00001 has the label of volume A00002: it was wrong about its places\. It has looked into drive 1 and slots 1 to 3 again/,
    ])
    await mounted.unmount()
    t.match(await collect(rig.media.volumes({})), [
      { volumeId: 'A00001', state: 'active' },
      { volumeId: 'A00002', state: 'active' },
    ])
    await (await rig.devices.mount(wanting('A00002'))).unmount()
    await rig.clock.advance(1000)
    t.comment('exchanged with a blank one that is far away')
    await rig.media.assignImage({ volumeId: 'A00002', backupId: 'c_1', retentionLevel: 1 })
    const { slot = 0 } = await rig.volume('A00002')
    await rig.library.operator.swapSlots({ slot, with: 4 })
    await (await rig.devices.mount(wanting('A00002'))).unmount()
    await rig.clock.advance(1000)
    t.match(rig.warnings[1], /as volume A00002 is blank, though images should be on it: it was wrong/)
    await rig.robot.initialize()
    t.same((await rig.devices.inventory({ robot: 'robot1' })).differences, [])
    t.equal(rig.warnings.length, 2)
  },
)

t.test('a barcode on the wrong cartridge: the volume is frozen, and the operator told', async (t) => {
  const rig = await deviceRig({ unmountDelayMs: 0 })
  for (const volumeId of ['A00001', 'A00002']) await (await rig.devices.mount(wanting(volumeId))).unmount()
  await rig.clock.advance(1000)
  await rig.library.operator.change({ name: 'A00001L8', barcode: 'A00002L8' })
  await rig.library.operator.change({ name: 'A00002L8', barcode: 'A00001L8' })
  await rig.robot.initialize()
  await rig.media.assignImage({ volumeId: 'A00001', backupId: 'c_1', retentionLevel: 1 })
  await t.rejects(rig.devices.mount(wanting('A00001')), {
    code: 'media-open-failed',
    message: /has the label of volume A00002/,
    details: { frozen: true },
  })
  t.match(rig.warnings, [/its barcode is that of A00001: it has looked again/])
  t.match(await rig.volume('A00001'), { state: 'frozen' })
})

t.test(
  'a robot that can not be told to look: no blank tape is labelled until its inventory is updated',
  async (t) => {
    const lacks = ['initialize-element-status', 'initialize-element-status-with-range'] as const
    const rig = await deviceRig({ unmountDelayMs: 0, library: { lacks } })
    for (const volumeId of ['A00001', 'A00002']) await (await rig.devices.mount(wanting(volumeId))).unmount()
    await rig.clock.advance(1000)
    await rig.library.operator.swapSlots({ slot: 1, with: 2 })
    await t.rejects(rig.devices.mount(wanting('A00001')), { code: 'media-open-failed' })
    t.match(rig.warnings, [/Look into drive 1 and slots 1 to 3, then update its inventory/])
    await t.rejects(rig.devices.mount(wanting('A00003')), {
      code: 'media-open-failed',
      message: /is blank, and the barcodes of its robot are in doubt/,
    })
    await rig.devices.updateInventory({ robot: 'robot1' })
    await (await rig.devices.mount(wanting('A00003'))).unmount()
  },
)

t.test('what a mount that failed on its way has left in a drive goes home', async (t) => {
  const rig = await deviceRig({ reservationKey: 7n })
  // The look after the load.
  rig.library.faults.add({
    unit: 'changer',
    command: 'read-element-status',
    effect: 'transport-lost',
    ran: false,
    occurrence: 4,
  })
  await t.rejects(rig.devices.mount(wanting('A00001')), { code: 'robot-failed' })
  t.same(rig.library.faults.pending, [])
  await rig.clock.advance(1000)
  t.same(await rig.inDrives(), { drive1: undefined, drive2: undefined })
  t.match(await rig.drive('drive1'), { state: 'up' })
})
