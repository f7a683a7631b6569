import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { createEmulatedLibrary } from '../src/index.ts'
import { firstDrive, loadedDrive, mouth, slot } from './library.ts'

const open = async () => {
  const library = createEmulatedLibrary(
    { clock: createVirtualClock() },
    { slots: 3, drives: 2, capacityBytes: 1000, volumes: ['A00001L8', 'A00002L8'] },
  )
  await library.start()
  return library
}

t.test('the inventory shows every place, and where a volume in a drive came from', async (t) => {
  const library = await open()
  await library.robot.move({ from: slot(2), to: mouth(1) })
  t.same(await library.robot.inventory(), [
    { place: mouth(1), drive: 'drive1', from: slot(2), barcode: 'A00002L8' },
    { place: mouth(2), drive: 'drive2' },
    { place: slot(1), barcode: 'A00001L8' },
    { place: slot(2) },
    { place: slot(3) },
  ])
  await library.robot.move({ from: mouth(1), to: mouth(2) })
  t.match((await library.robot.inventory())[1], { barcode: 'A00002L8', from: slot(2) })
  await library.robot.move({ from: mouth(2), to: slot(3) })
  t.match((await library.robot.inventory())[4], { barcode: 'A00002L8' })
  await library.stop()
})

t.test('an empty source, a full destination and a place that is not there move nothing', async (t) => {
  const library = await open()
  const before = await library.robot.inventory()
  await t.rejects(library.robot.move({ from: slot(3), to: mouth(1) }), {
    code: 'element-empty',
    status: 2043,
    details: { place: 'slot 3' },
  })
  await t.rejects(library.robot.move({ from: slot(1), to: slot(2) }), {
    code: 'element-full',
    details: { place: 'slot 2', barcode: 'A00002L8' },
  })
  await t.rejects(library.robot.move({ from: slot(1), to: slot(1) }), { code: 'element-full' })
  await t.rejects(library.robot.move({ from: slot(9), to: slot(3) }), { code: 'not-found' })
  t.same(await library.robot.inventory(), before)
  await library.stop()
})

t.test('a drive does not let go of a volume that is loaded', async (t) => {
  const { library, drive } = await loadedDrive()
  await t.rejects(library.robot.move({ from: mouth(1), to: slot(1) }), {
    code: 'state-conflict',
    details: { drive: 'drive1' },
  })
  t.match(await drive.status(), { state: 'loaded' })
  await drive.unload()
  await library.robot.move({ from: mouth(1), to: slot(1) })
  await library.stop()
})

t.test('a layout that could not be saved did not come about', async (t) => {
  const { memoryCartridges } = await import('../src/index.ts')
  const memory = memoryCartridges()
  let full = false
  const store = {
    ...memory,
    saveLayout: async (layout: Parameters<typeof memory.saveLayout>[0]) => {
      if (full) throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
      await memory.saveLayout(layout)
    },
  }
  const library = createEmulatedLibrary(
    { clock: createVirtualClock(), store },
    { slots: 2, drives: 1, capacityBytes: 10 },
  )
  await library.start()
  await library.robot.move({ from: slot(1), to: mouth(1) })
  full = true
  await t.rejects(library.robot.move({ from: mouth(1), to: slot(1) }), { code: 'ENOSPC' })
  full = false
  t.match((await library.robot.inventory())[0], { barcode: 'E00001L8', from: slot(1) })
  t.match(await firstDrive(library).load(), { object: 0 })
  await library.stop()
})

t.test('options out of bounds are refused', async (t) => {
  const clock = createVirtualClock()
  const fine = { slots: 2, drives: 1, capacityBytes: 10 }
  for (const wrong of [
    { slots: 0 },
    { drives: 1.5 },
    { capacityBytes: 0 },
    { earlyWarningBytes: 11 },
    { volumes: ['A', 'A'] },
    { volumes: ['A', 'B', 'C'] },
    { volumes: ['a/b'] },
  ])
    t.throws(() => createEmulatedLibrary({ clock }, { ...fine, ...wrong }), TypeError)
})
