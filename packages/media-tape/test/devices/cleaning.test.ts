import { createVirtualClock, driven } from '@nb/test-kit'
import t from 'tap'
import { createDeviceManager, type DeviceManager, type ManagedDrive } from '../../src/index.ts'
import { deviceRig, wanting } from './device-rig.ts'

const withCleaner = (cleanings: number, more: readonly string[] = []) => ({
  unmountDelayMs: 0,
  library: {
    volumes: [
      'A00001L8',
      'A00002L8',
      { name: 'CLN001L1', kind: 'cleaning' as const, cleanings },
      ...more.map((name) => ({ name, kind: 'cleaning' as const })),
    ],
  },
})

t.test(
  'a drive that asks for it in the middle of a job is cleaned after it, before the next volume',
  async (t) => {
    const rig = await deviceRig(withCleaner(50))
    const { library } = rig
    t.equal(await rig.volume('CLN001'), undefined, 'a cleaning cartridge is no volume')
    const mounted = await driven(rig.clock, rig.devices.mount(wanting('A00001')))
    library.faults.add({ unit: 'drive1', command: 'write-6', effect: 'cleaning-needed', occurrence: 1 })
    await mounted.drive.writeBlock({ data: Buffer.alloc(1000) })
    await mounted.drive.writeFilemarks({ count: 1 })
    t.equal(library.volume('CLN001L1').cleaningsLeft, 50, 'not while it is in use')
    await mounted.unmount()
    const next = await driven(rig.clock, rig.devices.mount(wanting('A00002')))
    t.equal(library.volume('CLN001L1').cleaningsLeft, 49)
    t.same(await rig.inDrives(), { drive1: 'A00002L8', drive2: undefined })
    await next.unmount()
    await (await driven(rig.clock, rig.devices.mount(wanting('A00001')))).unmount()
    t.equal(library.volume('CLN001L1').cleaningsLeft, 49, 'once is enough')
    t.same(rig.warnings, [])
  },
)

t.test('a cleaning cartridge that is used up is told, and the next one is taken', async (t) => {
  const rig = await deviceRig(withCleaner(0, ['CLN002L1']))
  const { library } = rig
  const mounted = await driven(rig.clock, rig.devices.mount(wanting('A00001')))
  library.faults.add({ unit: 'drive1', command: 'write-6', effect: 'cleaning-needed', occurrence: 1 })
  await mounted.drive.writeBlock({ data: Buffer.alloc(1000) })
  await mounted.unmount()
  await (await driven(rig.clock, rig.devices.mount(wanting('A00002')))).unmount()
  t.match(rig.warnings, [/CLN001L1 can't clean any more/])
  t.equal(library.volume('CLN002L1').cleaningsLeft, 49)
})

t.test('without a cartridge that cleans, that is told, and the drive is used on', async (t) => {
  const rig = await deviceRig({ unmountDelayMs: 0 })
  const { library } = rig
  const mounted = await driven(rig.clock, rig.devices.mount(wanting('A00001')))
  library.faults.add({ unit: 'drive1', command: 'write-6', effect: 'cleaning-needed', occurrence: 1 })
  await mounted.drive.writeBlock({ data: Buffer.alloc(1000) })
  await mounted.unmount()
  await (await driven(rig.clock, rig.devices.mount(wanting('A00002')))).unmount()
  t.match(rig.warnings[0], /drive drive1 asks to be cleaned, and robot robot1 has no cleaning cartridge/)
  t.match(await rig.drive('drive1'), { state: 'up' })
})

const hour = 3_600_000
/** Few timers while hours pass. */
const byTheHour = (hours: number) => ({
  cleaningFrequencyHours: hours,
  recoveryIntervalMs: hour,
  settleTurns: 8,
})

t.test(
  'a drive is cleaned when its hours with volumes are over, by its flag too, and a restart forgets none of them',
  async (t) => {
    const rig = await deviceRig({ ...withCleaner(50), ...byTheHour(10) })
    const { clock, library } = rig
    const { cleaningsLeft: before } = library.volume('CLN001L1')
    const cleanings = (): number => (before ?? 0) - (library.volume('CLN001L1').cleaningsLeft ?? 0)
    const use = async (devices: DeviceManager, hours: number): Promise<void> => {
      const mounted = await driven(clock, devices.mount(wanting('A00001')))
      await clock.advance(hours * hour)
      await driven(clock, mounted.unmount())
      // For the way home, and the cleaning.
      await clock.advance(600_000)
    }
    await use(rig.devices, 6)
    t.equal((await rig.drive('drive1')).mountMsSinceCleaning, 6 * hour)
    await clock.advance(100 * hour)
    t.equal(cleanings(), 0, 'hours without a volume do not count')
    await rig.devices.stop()
    const again = rig.again()
    await again.start()
    await use(again, 4)
    t.equal(cleanings(), 1)
    t.match(await rig.drive('drive1'), { mountMsSinceCleaning: 0, cleanedAt: Number, state: 'up' })
    rig.library.faults.add({ unit: 'drive1', command: 'read-6', effect: 'cleaning-needed', occurrence: 1 })
    await use(again, 9)
    t.equal(cleanings(), 2, 'the flag was before')
    await use(again, 9)
    t.equal(cleanings(), 2, 'and its cleaning counts')
    t.equal((await rig.drive('drive2')).mountMsSinceCleaning, undefined)
    t.same(rig.warnings, [])
    await again.stop()
  },
)

t.test('a drive whose next volume comes before its delay is over is cleaned between the two', async (t) => {
  const rig = await deviceRig({ ...withCleaner(50), unmountDelayMs: 180_000, ...byTheHour(1) })
  const { clock, library } = rig
  const mounted = await driven(clock, rig.devices.mount(wanting('A00001')))
  await clock.advance(hour)
  await driven(clock, mounted.unmount())
  const same = await driven(clock, rig.devices.mount(wanting('A00001')))
  t.equal(library.volume('CLN001L1').cleaningsLeft, 50, 'the same volume stays')
  await driven(clock, same.unmount())
  await driven(clock, rig.devices.mount(wanting('A00002')))
  t.equal(library.volume('CLN001L1').cleaningsLeft, 49)
  t.same(await rig.inDrives(), { drive1: 'A00002L8', drive2: undefined })
})

t.test(
  'without a cartridge that cleans, a drive whose hours are over is used on, and told once a volume',
  async (t) => {
    const rig = await deviceRig({ unmountDelayMs: 0, ...byTheHour(1) })
    const { clock } = rig
    const mounted = await driven(clock, rig.devices.mount(wanting('A00001')))
    await clock.advance(hour)
    await mounted.unmount()
    await (await driven(clock, rig.devices.mount(wanting('A00002')))).unmount()
    t.match(rig.warnings, [
      /drive1 is to be cleaned after 1 h with volumes, and robot robot1 has no cleaning/,
    ])
    await rig.media.recordCleaning({ drive: 'drive1' })
    t.match(await rig.drive('drive1'), { state: 'up', mountMsSinceCleaning: 0 })
  },
)

t.test('hours of cleaning are whole and in bounds, for all drives and for one', (t) => {
  const parts = { robots: {}, drives: {}, media: {} as never, clock: createVirtualClock() }
  t.throws(
    () => createDeviceManager(parts, { cleaningFrequencyHours: 10_001 }),
    /whole number of hours from 0/,
  )
  const drives = { drive1: { drive: {} as never, cleaningFrequencyHours: 0.5 } }
  t.throws(() => createDeviceManager({ ...parts, drives }), /cleaningFrequencyHours .* not 0.5/)
  t.end()
})

t.test('a drive without a robot is for a person to clean, each time that it asks', async (t) => {
  const { library, clock, media, robot, drives } = await deviceRig({ started: false })
  const drive = drives['drive1'] as ManagedDrive
  await robot.move({ from: { kind: 'slot', number: 1 }, to: { kind: 'drive', number: 1 } })
  await media.putPool({ name: 'NetBackup', scratch: false })
  await media.putVolume({
    volumeId: 'A00001',
    density: 'hcart',
    pool: 'NetBackup',
    state: 'active',
    mounts: 0,
  })
  const warnings: string[] = []
  const warn = (text: string): void => void warnings.push(text)
  const alone = createDeviceManager(
    { robots: {}, drives: { drive1: { drive } }, media, clock, warn },
    { unmountDelayMs: 0 },
  )
  for (const asks of [true, false]) {
    const mounted = await driven(clock, alone.mount(wanting('A00001')))
    if (asks)
      library.faults.add({ unit: 'drive1', command: 'write-6', effect: 'cleaning-needed', occurrence: 1 })
    await mounted.drive.writeBlock({ data: Buffer.alloc(1000) })
    await mounted.unmount()
    await clock.advance(600_000)
  }
  t.same(warnings, ['drive drive1 asks to be cleaned: that is for a person to do'])
})
