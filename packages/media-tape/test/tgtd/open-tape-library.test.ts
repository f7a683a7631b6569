import { systemClock } from '@nb/contracts'
import t from 'tap'
import { createIscsiSession, findUnits, openTapeLibrary } from '../../src/index.ts'
import { startTgtd, tgtdMissing } from './tgtd.ts'

const clock = systemClock()
const initiatorName = 'iqn.2026-11.example.test:me'

t.test('a library is opened by its URL', { skip: tgtdMissing }, async (t) => {
  const tgtd = await startTgtd({ tape_mb: 16, tapes: 3, vendor: 'IET', product: 'VIRTUAL-TAPE' })
  t.teardown(() => tgtd.remove())
  const { host, port } = tgtd.portal
  const portal = `iscsi://${host}:${port}`
  const open = (url: string): ReturnType<typeof openTapeLibrary> =>
    openTapeLibrary({ clock }, { library: url, initiatorName })

  await t.test('a portal with one target is enough, and its units tell what they are', async (t) => {
    const library = await open(portal)
    t.teardown(() => library.close())
    t.equal(library.name, `${portal}/${tgtd.target}`)
    t.same(
      library.units.map(({ lun, kind, product }) => [lun, kind, product]),
      [
        [0, 'other', 'Controller'],
        [1, 'drive', 'VIRTUAL-TAPE'],
        [2, 'drive', 'VIRTUAL-TAPE'],
        [3, 'robot', 'VLIB'],
        [4, 'disk', 'VIRTUAL-DISK'],
      ],
    )
    t.same(
      library.drives.map(({ name, unit }) => [name, unit.serial]),
      [
        ['drive1', 'NBDRV00001'],
        ['drive2', 'NBDRV00002'],
      ],
    )
    const places = await library.robot.robot.inventory()
    t.same(
      places.filter(({ place }) => place.kind === 'drive').map(({ drive }) => drive),
      ['drive1', 'drive2'],
      'the robot knows its drives',
    )
    t.same(
      places.flatMap(({ barcode }) => barcode ?? []),
      ['NBT001L8', 'NBT002L8', 'NBT003L8'],
    )
    const [first] = library.drives
    t.not((await first?.drive.identity())?.quirks.length, 0, 'its quirks are known by its name')
    t.match(await first?.drive.status(), { state: 'empty' })
  })

  await t.test('target and logical unit can be said', async (t) => {
    const library = await open(`${portal}/${tgtd.target}/3`)
    t.equal(library.robot.unit.lun, 3)
    await library.close()
    await library.close()
  })

  await t.test('what is no library says so', async (t) => {
    await t.rejects(open(`${portal}/${tgtd.target}/1`), {
      code: 'argument-invalid',
      message: /LUN 1 \(tape drive, IET VIRTUAL-TAPE\) is no robot; LUN 3 is/,
    })
    await t.rejects(open(`${portal}/iqn.2026-11.example.nb:other`), { code: 'not-found' })
    await t.rejects(open(`${portal}/${tgtd.target}/77`), { code: 'not-found', details: { lun: 77 } })
    await t.rejects(open('iscsi://'), { code: 'argument-invalid' })
  })

  await t.test('units are found by any way to them', async (t) => {
    const session = createIscsiSession({ clock }, { portal: tgtd.portal, target: tgtd.target, initiatorName })
    t.teardown(() => session.close())
    const found = await findUnits({ unitOf: (lun) => session.unit(lun), clock })
    t.match(found[1], { lun: 1, kind: 'drive', vendor: 'IET', serial: 'NBDRV00001' })
  })
})
