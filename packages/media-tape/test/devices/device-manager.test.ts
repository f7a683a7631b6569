import type { NbError } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import { encodeTapeEnd, encodeTapeLabel, encodeTapeReadme, encodeTapeVolume } from '@nb/formats'
import t from 'tap'
import { readTapeLabel } from '../../src/volume/read-label.ts'
import { writeTapeLabel } from '../../src/volume/write-label.ts'
import { deviceRig, wanting } from './device-rig.ts'

t.test('unknown volumes of a robot are taken in by their barcodes, and places are corrected', async (t) => {
  const rig = await deviceRig({ started: false })
  await rig.devices.start()
  const found = (await rig.devices.inventory({ robot: 'robot1' })).differences
  t.same(
    found.map(({ kind }) => kind),
    ['new', 'new', 'new', 'new'],
  )
  t.equal(await rig.volume('A00001'), undefined, 'a preview changes nothing')
  await rig.devices.updateInventory({ robot: 'robot1' })
  t.match(await rig.volume('A00002'), {
    barcode: 'A00002L8',
    density: 'hcart',
    pool: 'NetBackup',
    robot: 'robot1',
    slot: 2,
  })
  t.same(await rig.devices.updateInventory({ robot: 'robot1' }), [], 'said twice, nothing differs')
  await t.rejects(rig.devices.updateInventory({ robot: 'none' }), { code: 'not-found' })
})

t.test('a volume id rule lets two cartridges in whose barcodes differ in the media type alone', async (t) => {
  const library = { volumes: ['A00001L8', 'A00001L9'] }
  const clash = await deviceRig({ library })
  t.match((await clash.devices.inventory({ robot: 'robot1' })).differences, [
    { kind: 'refused', why: /volume id rule/ },
  ])
  t.same(await collect(clash.media.volumes({})).then((all) => all.map(({ barcode }) => barcode)), [
    'A00001L8',
  ])
  const rig = await deviceRig({
    library,
    volumeIdRules: [{ barcodeLength: 8, characters: [1, 4, 5, 6, 7, 8], robot: 'robot1' }],
  })
  const mounted = await rig.devices.mount(wanting('A001L9'))
  t.match(await readTapeLabel(mounted.drive), {
    kind: 'nb',
    volume: { volume: 'A001L9', barcode: 'A00001L9' },
  })
  t.same((await rig.devices.inventory({ robot: 'robot1' })).differences, [])
  await mounted.unmount()
})

t.test(
  'a blank volume is labelled for its first write, and the media manager knows its generation',
  async (t) => {
    const rig = await deviceRig()
    const mounted = await rig.devices.mount(wanting('A00001'))
    const found = await readTapeLabel(mounted.drive)
    t.match(found, { kind: 'nb', volume: { volume: 'A00001', barcode: 'A00001L8', pool: 'NetBackup' } })
    t.equal(found.kind === 'nb' && found.volume.generation, mounted.generation)
    t.match(await rig.volume('A00001'), { generation: mounted.generation, files: 2, mounts: 1, slot: 1 })
    t.match(await rig.drive('drive1'), { loadedVolume: 'A00001' })
    t.match(
      rig.lines.map(({ jobId, text }) => `${jobId} ${text}`),
      [
        /^7 robot robot1 has put volume A00001 from slot 1 into drive drive1$/,
        /^7 volume A00001 is labelled/,
      ],
    )
    await mounted.unmount()
    await mounted.unmount()
  },
)

t.test('a volume stays in its drive for the next who wants it, and goes home after the delay', async (t) => {
  const rig = await deviceRig({ unmountDelayMs: 60_000 })
  const first = await rig.devices.mount(wanting('A00001'))
  await first.unmount()
  await rig.clock.advance(30_000)
  const second = await rig.devices.mount(wanting('A00001'))
  t.equal(second.generation, first.generation)
  t.equal((await rig.volume('A00001')).mounts, 1, 'it was not mounted again')
  await rig.clock.advance(120_000)
  t.same(await rig.inDrives(), { drive1: 'A00001L8', drive2: undefined }, 'in use it stays')
  await second.unmount()
  await rig.clock.advance(60_000)
  t.same(await rig.inDrives(), { drive1: undefined, drive2: undefined })
  t.equal((await rig.drive('drive1')).loadedVolume, undefined)
  t.equal((await rig.volume('A00001')).slot, 1)
})

t.test(
  'one user of a drive at a time, in the order of asking; one who gives up does not hold it',
  async (t) => {
    const rig = await deviceRig()
    const first = await rig.devices.mount(wanting('A00001'))
    const order: string[] = []
    const abort = new AbortController()
    const gone = rig.devices.mount(wanting('A00002'), { signal: abort.signal })
    const next = async (volumeId: string) => {
      const mounted = await rig.devices.mount(wanting(volumeId))
      order.push(volumeId)
      return mounted
    }
    const second = next('A00003')
    const third = next('A00004')
    abort.abort()
    await t.rejects(gone, { name: 'AbortError' })
    t.same(order, [])
    await first.unmount()
    await (await second).unmount()
    await (await third).unmount()
    t.same(order, ['A00003', 'A00004'])
    t.same(await rig.inDrives(), { drive1: 'A00004L8', drive2: undefined })
  },
)

t.test(
  'what a killed server has left in a drive goes home after the delay, too, if nobody wants it',
  async (t) => {
    const rig = await deviceRig({ unmountDelayMs: 60_000 })
    await rig.devices.mount(wanting('A00001'))
    await rig.devices.mount(wanting('A00002', 'drive2'))
    const devices = rig.crash()
    await devices.start()
    await rig.clock.advance(30_000)
    t.same(await rig.inDrives(), { drive1: 'A00001L8', drive2: 'A00002L8' })
    const wanted = await devices.mount(wanting('A00002', 'drive2'))
    await rig.clock.advance(30_000)
    t.same(await rig.inDrives(), { drive1: undefined, drive2: 'A00002L8' }, 'in use it stays')
    t.equal((await rig.drive('drive1')).loadedVolume, undefined)
    await wanted.unmount()
    await rig.clock.advance(60_000)
    t.same(await rig.inDrives(), { drive1: undefined, drive2: undefined })
    await devices.stop()
  },
)

t.test('a volume that only rests in a drive is fetched, also while others take that drive', async (t) => {
  const rig = await deviceRig({ unmountDelayMs: 60_000 })
  const use = async (volumeId: string, drive: string): Promise<void> =>
    (await rig.devices.mount(wanting(volumeId, drive))).unmount()
  await use('A00001', 'drive2')
  await use('A00001', 'drive1')
  t.same(await rig.inDrives(), { drive1: 'A00001L8', drive2: undefined })
  for (const order of [
    ['drive2', 'drive1'],
    ['drive1', 'drive2'],
  ] as const) {
    t.comment(`the other job asks ${order[0] === 'drive2' ? 'later' : 'first'}`)
    await Promise.all(order.map((drive) => use(drive === 'drive2' ? 'A00001' : 'A00002', drive)))
    t.same(await rig.inDrives(), { drive1: 'A00002L8', drive2: 'A00001L8' })
    t.same((await rig.drive('drive1')).loadedVolume, 'A00002')
    t.comment('each wants what rests in the drive of the other')
    await Promise.all(order.map((drive) => use(drive === 'drive1' ? 'A00001' : 'A00002', drive)))
    t.same(await rig.inDrives(), { drive1: 'A00001L8', drive2: 'A00002L8' })
    await use('A00003', 'drive2')
  }
  t.comment('while it is on its way home')
  const goesHome = rig.clock.advance(60_000)
  await Promise.all([goesHome, use('A00001', 'drive2')])
  const used = await rig.devices.mount(wanting('A00001', 'drive2'))
  await t.rejects(rig.devices.mount(wanting('A00001', 'drive1')), { code: 'drive-not-ready' })
  await used.unmount()
})

t.test('a volume with images is what it was, or is not used', async (t) => {
  const rig = await deviceRig({ unmountDelayMs: 0 })
  const mounted = await rig.devices.mount(wanting('A00001'))
  await rig.media.assignImage({ volumeId: 'A00001', backupId: 'c_1', retentionLevel: 1 })
  await mounted.unmount()
  const again = await rig.devices.mount(wanting('A00001', 'drive2', 'read'))
  t.equal(again.generation, mounted.generation)
  await again.unmount()

  t.comment('somebody else has labelled it anew meanwhile')
  const other = await deviceRig()
  const before = await other.devices.mount(wanting('A00001'))
  await other.media.assignImage({ volumeId: 'A00001', backupId: 'c_1', retentionLevel: 1 })
  const created = new Date(0).toISOString()
  await writeTapeLabel(before.drive, { volume: 'A00001', generation: 'theirs', pool: 'NetBackup', created })
  await before.unmount()
  await other.devices.unloadIdle()
  await t.rejects(other.devices.mount(wanting('A00001')), {
    code: 'media-open-failed',
    retryable: false,
    message: /labelled anew by somebody else/,
  })
  t.match(await other.volume('A00001'), { state: 'frozen', stateReason: /labelled anew/ })
})

t.test('an expired volume is labelled anew before it is written to, and read as it is', async (t) => {
  const rig = await deviceRig()
  const first = await rig.devices.mount(wanting('A00001'))
  await first.unmount()
  await rig.media.assignImage({ volumeId: 'A00001', backupId: 'c_1', retentionLevel: 1 })
  await rig.media.unassignImage({ backupId: 'c_1' })
  const read = await rig.devices.mount(wanting('A00001', 'drive1', 'read'))
  t.equal(read.generation, first.generation)
  await read.unmount()
  await rig.media.assignImage({ volumeId: 'A00001', backupId: 'c_2', retentionLevel: 1 })
  await rig.media.unassignImage({ backupId: 'c_2' })
  const second = await rig.devices.mount(wanting('A00001'))
  t.not(second.generation, first.generation)
  await second.unmount()
})

t.test('foreign tapes are never written over unasked', async (t) => {
  const label = Buffer.from('VOL1SAP001'.padEnd(80))
  const rig = await deviceRig({
    library: { volumes: [{ name: 'F00001L8', contents: [label, null] }, 'A00002L8'] },
  })
  await t.rejects(rig.devices.mount(wanting('F00001')), {
    code: 'media-open-failed',
    retryable: false,
    message: /not ours \(ansi, volume SAP001\)/,
  })
  await rig.clock.advance(1000)
  t.same(await rig.inDrives(), { drive1: undefined, drive2: undefined }, 'it goes home at once')
  await t.rejects(rig.devices.label({ volumeId: 'F00001', drive: 'drive1' }), { code: 'state-conflict' })
  const { generation } = await rig.devices.label({ volumeId: 'F00001', drive: 'drive1', overwrite: true })
  const mounted = await rig.devices.mount(wanting('F00001'))
  t.equal(mounted.generation, generation)
  await rig.media.assignImage({ volumeId: 'F00001', backupId: 'c_1', retentionLevel: 1 })
  await mounted.unmount()
  await t.rejects(rig.devices.label({ volumeId: 'F00001', drive: 'drive1', overwrite: true }), {
    code: 'state-conflict',
    message: /Images are on volume/,
  })
})

t.test('a write-protected volume is told, and frozen where a job holds it', async (t) => {
  const rig = await deviceRig()
  await rig.library.operator.change({ name: 'A00001L8', writeProtected: true })
  const answer = await rig.media.allocate({
    allocationId: 'a1',
    jobId: '7',
    need: {
      kind: 'write',
      storage: { kind: 'unit', name: 'tape1' },
      volumePool: 'NetBackup',
      retentionLevel: 1,
    },
  })
  const medium = answer.granted ? answer.allocation.medium : undefined
  if (medium?.kind !== 'tape') throw new Error('no tape was allocated')
  t.equal(medium.volumeId, 'A00001')
  await t.rejects(rig.devices.mount(wanting('A00001', medium.drive)), { code: 'media-write-protected' })
  t.match(await rig.volume('A00001'), { state: 'frozen' })
})

t.test('a volume that is not in the robot is told, and the media manager knows', async (t) => {
  const rig = await deviceRig()
  const { barcode: _gone, ...rest } = await rig.volume('A00004')
  await rig.media.putVolume({ ...rest, volumeId: 'B00001', barcode: 'B00001L8', slot: 5 })
  await t.rejects(rig.devices.mount(wanting('B00001')), {
    code: 'media-open-failed',
    message: /not in robot robot1: put it in/,
  })
  const volume = await rig.volume('B00001')
  t.same([volume.robot, volume.slot], [undefined, undefined])
  await t.rejects(rig.devices.mount(wanting('none')), { code: 'not-found' })
  await t.rejects(rig.devices.mount(wanting('A00001', 'drive9')), { code: 'not-found' })
})

t.test(
  'after a restart the media manager says what is in the drives, and the label is read again',
  async (t) => {
    const rig = await deviceRig()
    const mounted = await rig.devices.mount(wanting('A00001'))
    await rig.media.recordUnmount({ drive: 'drive1' })
    await rig.media.recordMount({ volumeId: 'A00002', drive: 'drive2' })
    const again = rig.again()
    await again.start()
    t.equal((await rig.drive('drive1')).loadedVolume, 'A00001')
    t.equal((await rig.drive('drive2')).loadedVolume, undefined)
    t.equal((await again.mount(wanting('A00001'))).generation, mounted.generation)
    await again.stop()
  },
)

t.test('a drive that does not load goes down, and comes back when it works again', async (t) => {
  const rig = await deviceRig({ library: { autoLoad: false } })
  rig.library.faults.add({ unit: 'drive1', command: 'load-unload', effect: 'drive-failed', occurrence: 1 })
  await t.rejects(rig.devices.mount(wanting('A00001')), {
    code: 'drive-not-ready',
    message: /did not load volume A00001/,
  })
  t.match(await rig.drive('drive1'), { state: 'down', stateReason: /did not load/ })
  await rig.clock.advance(60_000)
  t.equal((await rig.drive('drive1')).state, 'down', 'it is broken still')
  await rig.library.operator.restartDrive({ drive: 1 })
  await rig.clock.advance(60_000)
  t.equal((await rig.drive('drive1')).state, 'up')
  const mounted = await rig.devices.mount(wanting('A00001'))
  await mounted.unmount()
})

t.test('a robot that gets stuck is down until it moves again', async (t) => {
  const rig = await deviceRig()
  rig.library.faults.add({ unit: 'changer', command: 'move-medium', effect: 'robot-jam', occurrence: 1 })
  const failed = (await rig.devices.mount(wanting('A00001')).catch((error: unknown) => error)) as NbError
  t.ok(['robot-failed', 'robot-not-ready'].includes(failed.code), failed.message)
  await rig.library.operator.freeRobot()
  await rig.clock.advance(60_000)
  const mounted = await rig.devices.mount(wanting('A00001'))
  await mounted.unmount()
  for await (const robot of rig.media.robots({ name: 'robot1' })) t.equal(robot.state, 'up')
})

t.test('options out of bounds are refused', async (t) => {
  await t.rejects(deviceRig({ unmountDelayMs: 1_800_001 }), TypeError)
  await t.rejects(deviceRig({ recoveryIntervalMs: 1 }), TypeError)
  await t.rejects(deviceRig({ barcodeRules: [{}, {}] }), TypeError)
  await t.rejects(deviceRig({ volumeIdRules: [{ barcodeLength: 8, characters: [9] }] }), TypeError)
})

t.test(
  'a tape of ours with images that nobody here knows is not labelled over; one without any is',
  async (t) => {
    const created = new Date(0).toISOString()
    const head = (volume: string): (Uint8Array | null)[] => [
      encodeTapeLabel(volume),
      encodeTapeVolume({ volume, generation: 'g1', pool: 'NetBackup', created }),
      null,
      encodeTapeReadme(created),
      null,
    ]
    const end = encodeTapeEnd({
      volume: 'B00002',
      generation: 'g1',
      file: 2,
      fragments: 0,
      full: false,
      created,
    })
    const rig = await deviceRig({
      library: {
        volumes: [
          { name: 'B00001L8', contents: [...head('B00001'), Buffer.alloc(262_144, 1), null] },
          { name: 'B00002L8', contents: [...head('B00002'), end, null, null] },
          { name: 'B00003L8', contents: head('B00003') },
        ],
      },
    })
    await t.rejects(rig.devices.mount(wanting('B00001')), {
      code: 'media-open-failed',
      message: /not known here, and images behind it: import them/,
      details: { frozen: true },
    })
    const read = await rig.devices.mount(wanting('B00001', 'drive1', 'read'))
    t.equal(read.generation, 'g1', 'an import reads it')
    await read.unmount()
    await t.rejects(
      rig.devices.mount(wanting('B00001')),
      { code: 'media-open-failed' },
      'also after it was read',
    )
    await t.rejects(rig.devices.label({ volumeId: 'B00001', drive: 'drive1' }), { code: 'state-conflict' })
    for (const volumeId of ['B00002', 'B00003']) {
      const mounted = await rig.devices.mount(wanting(volumeId, 'drive2'))
      t.not(mounted.generation, 'g1', `${volumeId} has nothing on it`)
      await mounted.unmount()
    }
  },
)
