import assert from 'node:assert/strict'
import { NbError, type ScsiTransport, systemClock } from '@nb/contracts'
import { createVirtualClock, type ScsiTransportFixture, scsiTransportSuite } from '@nb/test-kit'
import t from 'tap'
import {
  createIscsiSession,
  createIscsiTransport,
  discoverTargets,
  type IscsiChap,
  type IscsiSessionOptions,
} from '../../src/index.ts'
import { Cable } from './cable.ts'
import { startTgtd, type TgtdLibrary, tgtdMissing } from './tgtd.ts'

const initiatorName = 'iqn.2026-11.example.test:me'
const chap: IscsiChap = {
  name: 'me',
  secret: 'initiator-secret',
  target: { name: 'it', secret: 'target-secret!!' },
}
const chapOfLibrary = {
  user: chap.name,
  secret: chap.secret,
  target_user: 'it',
  target_secret: 'target-secret!!',
}

/** Puts the first volume into the first drive and stands at its beginning. */
async function loadFirst(library: TgtdLibrary, options: Partial<IscsiSessionOptions>): Promise<void> {
  const session = createIscsiSession(
    { clock: systemClock() },
    { portal: library.portal, target: library.target, initiatorName, ...options },
  )
  const [drive, robot] = [session.unit(1), session.unit(3)]
  const untilGood = async (unit: ScsiTransport, ...cdb: number[]): Promise<void> => {
    // The first command of a session is told of a reset.
    for (let attempt = 0; attempt < 3; attempt++)
      if ((await unit.execute({ cdb: Uint8Array.from(cdb) })).status === 0) return
    assert.fail(`command 0x${cdb[0]?.toString(16)} is not taken`)
  }
  const slot1 = [0x04, 0x00]
  await untilGood(robot, 0xa5, 0, 0, 16, ...slot1, 0, 1, 0, 0, 0, 0)
  await untilGood(drive, 0x1b, 0, 0, 0, 3, 0)
  await session.close()
}

const variants = [
  ['as it is', {}, {}],
  ['with mutual CHAP and digests', chapOfLibrary, { chap, headerDigest: 'required', dataDigest: 'required' }],
] as const satisfies readonly (readonly [string, object, Partial<IscsiSessionOptions>])[]

for (const [name, settings, options] of variants)
  t.test(`a transport to tgtd, ${name}`, { skip: tgtdMissing }, async (t) => {
    const library = await startTgtd({ tape_mb: 64, ...settings })
    t.teardown(() => library.remove())
    await loadFirst(library, options)
    const cables = new Set<Cable>()
    scsiTransportSuite(t, {
      // Reading with more room than the block has gives a wrong length; aborts wait behind the commands on a cable that is held.
      unsupported: ['short-blocks', 'prompt-aborts'],
      setup: async (): Promise<ScsiTransportFixture> => {
        const cable = await Cable.to(library.portal)
        const clock = createVirtualClock()
        const where = { portal: cable.portal, target: library.target, lun: 1, initiatorName }
        cables.add(cable)
        const rewinding = createIscsiTransport({ clock }, { ...where, ...options })
        const rewind = { cdb: Uint8Array.of(1, 0, 0, 0, 0, 0) }
        await rewinding.execute(rewind)
        assert.equal((await rewinding.execute(rewind)).status, 0)
        await rewinding.close()
        return {
          clock,
          transport: createIscsiTransport({ clock }, { ...where, ...options }),
          hold: async () => {
            cable.hold()
            return async () => cable.release()
          },
          breakConnection: async () => cable.pull(),
        }
      },
      teardown: async ({ transport }) => {
        await transport.close()
        for (const cable of cables) await cable.remove()
        cables.clear()
      },
    })
  })

t.test(
  'tgtd tells of its target, and lets in only who knows the secrets',
  { skip: tgtdMissing },
  async (t) => {
    const clock = systemClock()
    const library = await startTgtd({ tape_mb: 4, ...chapOfLibrary })
    t.teardown(() => library.remove())
    const { portal, target } = library
    t.same(await discoverTargets({ clock }, { portal, initiatorName }), [{ target, portals: [portal] }])
    const opening = async (options: Partial<IscsiSessionOptions>): Promise<unknown> => {
      const transport = createIscsiTransport({ clock }, { portal, target, lun: 0, initiatorName, ...options })
      const end = await transport.open().then(
        () => 'open',
        (error: unknown) => error,
      )
      await transport.close()
      return end
    }
    const { target: _, ...oneWay } = chap
    t.equal(await opening({ chap }), 'open')
    t.equal(await opening({ chap: oneWay }), 'open')
    for (const [what, bad] of Object.entries({
      'no proof': {},
      'a wrong secret': { chap: { ...oneWay, secret: 'no secret of ours' } },
      'a wrong secret of the target': { chap: { ...chap, target: { secret: 'another-secret!' } } },
      'a wrong name of the target': {
        chap: { ...chap, target: { name: 'other', secret: 'target-secret!!' } },
      },
    })) {
      const error = await opening(bad)
      assert.ok(error instanceof NbError, what)
      t.equal(error.code, 'scsi-access-denied', what)
    }
    t.match(await opening({ chap, target: 'iqn.2026-11.example.nb:nothing' }), { code: 'not-found' })

    t.comment('who is asked for its targets proves itself, or it is told that it does not')
    const discover = (how: IscsiSessionOptions['chap']) =>
      discoverTargets({ clock }, { portal, initiatorName, ...(how === undefined ? {} : { chap: how }) })
    await t.rejects(discover(chap), {
      code: 'scsi-access-denied',
      details: { reason: 'target-unproven', discovery: true },
    })
    const proving = await startTgtd({ tape_mb: 4, ...chapOfLibrary, discovery: 'yes' })
    t.teardown(() => proving.remove())
    const there = (how: IscsiSessionOptions['chap']) =>
      discoverTargets(
        { clock },
        { portal: proving.portal, initiatorName, ...(how === undefined ? {} : { chap: how }) },
      )
    t.match(await there(chap), [{ target }])
    await t.rejects(there({ ...chap, secret: 'no secret of ours' }), {
      code: 'scsi-access-denied',
      details: { statusDetail: 1 },
    })
    await t.rejects(there({ ...chap, target: { secret: 'another-secret!' } }), {
      code: 'scsi-access-denied',
      details: { reason: 'target-unproven' },
    })
    await t.rejects(there(undefined), { code: 'scsi-access-denied' })
  },
)

t.test('tgtd is killed and comes back: the session is a new one', { skip: tgtdMissing }, async (t) => {
  const clock = systemClock()
  const library = await startTgtd({ tape_mb: 4 })
  t.teardown(() => library.remove())
  const transport = createIscsiTransport(
    { clock },
    { portal: library.portal, target: library.target, lun: 3, initiatorName },
  )
  const ask = { cdb: Uint8Array.of(0x12, 0, 0, 0, 36, 0), dataIn: Buffer.alloc(36) }
  t.equal((await transport.execute(ask)).dataInBytes, 36)
  await library.stop()
  await t.rejects(transport.execute(ask), { code: 'scsi-transport-lost' })
  await t.rejects(transport.execute(ask), { code: 'scsi-transport-lost', details: { sent: false } })
  await library.start()
  t.equal((await transport.execute(ask)).dataInBytes, 36)
  t.equal(transport.nexus, 2)
  await transport.close()
})
