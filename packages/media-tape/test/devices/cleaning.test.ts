import { driven } from '@nb/test-kit'
import t from 'tap'
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
