import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '@nb/contracts'
import { createIscsiSession, createScsiTapeDrive, createScsiTapeRobot, tgtDriveQuirks } from '@nb/media-tape'
import t from 'tap'
import { startTgtd, tgtdMissing } from '../../../packages/media-tape/test/tgtd/tgtd.ts'
import { inventory } from './run-inventory.ts'

const clock = systemClock()

t.test('a library of tgtd, as people and programs read it', { skip: tgtdMissing }, async (t) => {
  const library = await startTgtd({ tapes: 3, slots: 4, tape_mb: 16 })
  const { portal, target } = library
  const session = createIscsiSession(
    { clock },
    { portal, target, initiatorName: 'iqn.2026-11.example.test:me' },
  )
  t.teardown(async () => {
    await session.close()
    await library.remove()
  })
  // One volume is loaded in the second drive.
  const robot = createScsiTapeRobot({ transport: session.unit(3), clock })
  await robot.inventory()
  await robot.move({ from: { kind: 'slot', number: 2 }, to: { kind: 'drive', number: 2 } })
  await createScsiTapeDrive({ transport: session.unit(2), clock }, { quirks: tgtDriveQuirks }).load()
  const url = `iscsi://${portal.host}:${portal.port}`

  const [byPortal, json, one, gone, other] = await Promise.all(
    [
      [url],
      ['--json', `${url}/${target}`],
      [`${url}/${target}/2`],
      [`${url}/${target}/77`],
      [`${url}/iqn.2026-11.example.nb:other`],
    ].map((args) => inventory(args)),
  )

  t.test('found by its portal alone', async (t) => {
    const { code, out = '', complaints } = byPortal ?? {}
    t.equal(code, 0)
    t.equal(complaints, '')
    t.match(out, `${url}/${target}`)
    t.match(out, /Library, LUN 3: NB VLIB 0100, serial NBLIB00001\n {2}2 drives, 4 slots, 2 mail slots/)
    t.match(out, /^ {2}drive 2 +NBT002L8/m)
    t.match(out, /^ {2}slot 1 +NBT001L8$/m)
    t.match(out, /^ {2}slot 3 +NBT003L8$/m)
    t.match(out, /^ {2}empty: 1 drive, 2 slots, 2 mail slots$/m)
    t.match(out, /^ {2}LUN 1 +NB VDRIVE 0100 +NBDRV00001 +drive 1 +empty +– /m)
    t.match(out, /^ {2}LUN 2 +NB VDRIVE 0100 +NBDRV00002 +drive 2 +ready +NBT002L8 /m)
    t.match(out, /^ {2}LUN 4 +disk +IET VIRTUAL-DISK/m)
  })

  t.test('as JSON, of the target that is named', async (t) => {
    const { code, out = '' } = json ?? {}
    t.equal(code, 0)
    const [only, ...more] = JSON.parse(out) as { readonly units: { readonly lun: number }[] }[]
    t.same(more, [])
    t.same(
      only?.units.map(({ lun }) => lun),
      [0, 1, 2, 3, 4],
    )
    t.match(only, {
      name: `${url}/${target}`,
      failures: [],
      drives: [
        { lun: 1, serial: 'NBDRV00001', state: 'empty', place: { robot: 'LUN 3', drive: 1 } },
        {
          lun: 2,
          serial: 'NBDRV00002',
          state: 'ready',
          volume: 'NBT002L8',
          place: { robot: 'LUN 3', drive: 2 },
        },
      ],
      libraries: [{ name: 'LUN 3', robot: { places: { slot: 4, drive: 2, 'import-export': 2 } } }],
    })
  })

  t.test('one unit of it', async (t) => {
    const { code, out = '' } = one ?? {}
    t.equal(code, 0)
    t.match(out, /LUN 2 +NB VDRIVE/)
    t.notMatch(out, /LUN 1 |Library/)
  })

  t.test('a unit and a target that are not there', async (t) => {
    t.match(gone, {
      code: 1,
      complaints: /no logical unit 77[^]*Leave its number out/,
    })
    t.match(other, { code: 1, complaints: /no such target.*\n.*Leave the target out/ })
  })

  t.test('who looked has disturbed nobody', async (t) => {
    const drive = createScsiTapeDrive({ transport: session.unit(2), clock }, { quirks: tgtDriveQuirks })
    await drive.load()
    await drive.writeBlock({ data: Buffer.from('one') })
    t.equal((await inventory([url])).code, 0)
    t.match(await drive.writeBlock({ data: Buffer.from('two') }), { written: true, position: { object: 2 } })
  })
})

t.test('a target that wants proofs', { skip: tgtdMissing }, async (t) => {
  const [secret, proof] = ['initiator-secret', 'target-secret!!']
  const library = await startTgtd({
    ...{ tapes: 1, drives: 1, tape_mb: 16 },
    ...{ user: 'me', secret, target_user: 'it', target_secret: proof },
  })
  t.teardown(() => library.remove())
  const url = `iscsi://${library.portal.host}:${library.portal.port}/${library.target}`
  const file = join(t.testdir({}), 'chap')
  writeFileSync(
    file,
    `# of the library\nuser = me\nsecret = ${secret}\ntarget-user = it\ntarget-secret=${proof}\n`,
    {
      mode: 0o600,
    },
  )

  const environment = { NB_ISCSI_USER: 'me', NB_ISCSI_SECRET: secret }
  const portal = `iscsi://${library.portal.host}:${library.portal.port}`
  const [refused, fromFile, fromEnvironment, wrong, unproven] = await Promise.all([
    inventory([url]),
    inventory(['--chap', file, url]),
    inventory([url], environment),
    inventory([url], { ...environment, NB_ISCSI_SECRET: 'not-that-secret-at-all' }),
    inventory(['--chap', file, portal]),
  ])
  t.match(refused, { code: 1, complaints: /scsi-access-denied[^]*--chap FILE, or NB_ISCSI_USER/ })
  t.match(fromFile, { code: 0, out: /slot 1 +NBT001L8/ })
  t.match(fromEnvironment, { code: 0, out: /slot 1 +NBT001L8/ })
  t.match(wrong, { code: 1, complaints: /scsi-access-denied/ })
  t.notMatch(wrong.complaints, /not-that-secret/, 'no secret is told')
  t.match(unproven, { code: 1, complaints: /without CHAP alone[^]*Name the target/ })
})

t.test('nobody answers', async (t) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const { code, out, complaints } = await inventory([`iscsi://127.0.0.1:${port}`])
  t.equal(code, 1)
  t.equal(out, '')
  t.match(complaints, /scsi-transport-lost[^]*Is the target running/)
})

t.test('wrong usage ends with 2, and says how it is right', async (t) => {
  const [help, nothing, other, mistyped] = await Promise.all(
    [['--help'], [], ['http://host'], ['iscsi://host', '--jsn']].map((args) => inventory(args)),
  )
  t.match(help, { code: 0, out: /Usage: tape-inventory iscsi:/ })
  t.match(nothing, { code: 2, complaints: /name one library[^]*--help/ })
  t.match(other, { code: 2, complaints: /iscsi:\/\// })
  t.match(mistyped, { code: 2, complaints: /jsn/ })
})
