import { stat } from 'node:fs/promises'
import { NbError, systemFiles } from '@nb/contracts'
import t, { type Test } from 'tap'
import { openTapeKeyFile, type TapeKeyFile } from '../src/index.ts'
import { tapeRig, type TapeRig } from './store/tape-rig.ts'
import { blocks, fragmentOf, mounted, noise, put, readAll } from './store/writing.ts'

const pool = 'ENCR_offsite'
const files = systemFiles()
const keyFile = (t: Test): TapeKeyFile => openTapeKeyFile({ files }, { path: `${t.testdir({})}/keys.json` })
const rigOf = (keys: TapeKeyFile, group?: string, options: Parameters<typeof tapeRig>[0] = {}) =>
  tapeRig(options, group, undefined, { keys, pool })

/** The objects of a cartridge, as they are on the medium. */
async function recorded(rig: TapeRig, name = 'A00001L8') {
  const cartridge = await rig.cartridges.open(name)
  const { index } = cartridge
  const all = []
  for (let at = 0; at < index.objects; at++)
    if (!index.isFilemark(at))
      all.push({
        at,
        isEncrypted: index.isEncrypted(at),
        bytes: Buffer.from((await cartridge.read(at)) ?? []),
      })
  return all
}

t.test(
  'what is written to an encrypted pool is read back equal, and is nowhere on the medium in clear',
  async (t) => {
    const keys = keyFile(t)
    await keys.add({ label: '2026-11' })
    const rig = await rigOf(keys)
    const payload = blocks(1, 3)
    let medium = await mounted(rig, 'write')
    const first = await put(medium, fragmentOf(1), payload)
    await medium.unmount()
    t.equal((await rig.drive().encryption.status()).active, undefined, 'the key is taken from the drive')
    // Another key is active now: the volume keeps its own.
    await keys.add({ label: '2026-12' })
    medium = await mounted(rig, 'write')
    const second = await put(medium, fragmentOf(2), noise(2, 1024))
    await medium.unmount()
    await rig.reopen()
    medium = await mounted(rig, 'read')
    t.ok((await readAll(medium, fragmentOf(1), first)).equals(payload))
    t.ok((await readAll(medium, fragmentOf(2), second)).equals(noise(2, 1024)))
    await medium.unmount()
    t.equal((await rig.contents()).length, 2, 'an import reads it')

    const all = await recorded(rig)
    // VOL1, VOLUME.json, README.
    t.same(
      all.filter(({ isEncrypted }) => !isEncrypted).map(({ at }) => at),
      [0, 1, 3],
    )
    for (const { bytes } of all) {
      t.equal(bytes.indexOf(payload.subarray(0, 32)), -1)
      t.equal(bytes.indexOf('client1'), -1, 'nor is what was backed up')
    }
    const [, description, readme] = all
    for (const one of [description, readme]) t.match(one?.bytes.toString('latin1', 0, 1024), /2026-11/)
    t.match(
      readme?.bytes.toString('latin1', 512, 800),
      /encrypted by the tape drive itself .*\n?called "2026-11"/,
    )
    for (const label of ['2026-11', '2026-12']) {
      const { key } = (await keys.find({ label })) ?? { key: Buffer.alloc(1) }
      for (const { bytes } of all) t.equal(bytes.indexOf(key), -1, 'no key is on the tape')
      t.notMatch(JSON.stringify(rig.lines), Buffer.from(key).toString('hex'))
    }
    t.ok(rig.lines.some(({ text }) => text === 'drive drive1 encrypts volume A00001 with the key "2026-11"'))
  },
)

t.test('jobs that share a volume are encrypted alike', async (t) => {
  const keys = keyFile(t)
  await keys.add({ label: 'shared' })
  const rig = await rigOf(keys, 'group1')
  const medium = await mounted(rig, 'write')
  const record = await put(medium, fragmentOf(1), blocks(1, 2))
  await medium.unmount()
  t.same(
    (await recorded(rig)).filter(({ isEncrypted }) => !isEncrypted).map(({ at }) => at),
    [0, 1, 3],
  )
  const reading = await mounted(rig, 'read')
  t.ok((await readAll(reading, fragmentOf(1), record)).equals(blocks(1, 2)))
  await reading.unmount()
})

t.test('a volume whose key is missing is not read, and which key that is, is told', async (t) => {
  const keys = keyFile(t)
  await keys.add({ label: '2026-11' })
  let here: readonly string[] = ['2026-11']
  const some: TapeKeyFile = {
    ...keys,
    find: async (input) => (here.includes(input.label) ? keys.find(input) : undefined),
  }
  const rig = await rigOf(some)
  let medium = await mounted(rig, 'write')
  const record = await put(medium, fragmentOf(1), noise(1, 1024))
  await medium.unmount()
  here = []
  for (const purpose of ['read', 'write'] as const)
    await t.rejects(mounted(rig, purpose), {
      code: 'key-missing',
      status: 83,
      retryable: false,
      message: /^Volume A00001 is encrypted with the key "2026-11", which this media server does not have/,
      details: { volumeId: 'A00001', keyLabel: '2026-11' },
    })
  here = ['2026-11']
  medium = await mounted(rig, 'read')
  t.ok((await readAll(medium, fragmentOf(1), record)).equals(noise(1, 1024)))
  await medium.unmount()
})

t.test('nothing of an encrypted pool is written where it can not be encrypted', async (t) => {
  const keys = keyFile(t)
  const rig = await rigOf(keys)
  await t.rejects(mounted(rig, 'write'), {
    code: 'key-missing',
    message: /^Pool ENCR_offsite is encrypted, and this media server has no active key: nothing was written/,
  })
  t.same(await recorded(rig), [], 'not even a label')
  await keys.add({ label: 'new' })
  const lacking = await rigOf(keys, undefined, { lacks: ['security-protocol-in', 'security-protocol-out'] })
  await t.rejects(mounted(lacking, 'write'), {
    code: 'not-supported',
    status: 228,
    message: /^Pool ENCR_offsite is encrypted, and drive drive1 does not encrypt: nothing was written/,
  })
  t.same(await recorded(lacking), [])
  t.equal((await lacking.volume()).state, 'active', 'the volume is not to blame')
})

t.test('a volume in clear is not appended to for an encrypted pool', async (t) => {
  const keys = keyFile(t)
  await keys.add({ label: 'new' })
  const rig = await tapeRig({}, undefined, undefined, { keys })
  const medium = await mounted(rig, 'write')
  await put(medium, fragmentOf(1), noise(1, 1024))
  await medium.unmount()
  const mountFor = (volumePool: string) => {
    const allocation = rig.allocationOf('write')
    if (allocation.medium.kind !== 'tape') throw new Error('it is a tape')
    return rig.store.mount({
      allocation: { ...allocation, medium: { ...allocation.medium, volumePool } },
      jobId: '1',
    })
  }
  await rig.media.assignImage({
    ...{ volumeId: 'A00001', backupId: 'client1_1767225600', retentionLevel: 1, multiplexed: false },
  })
  await t.rejects(mountFor(pool), { code: 'media-open-failed', details: { frozen: true } })
  t.match(await rig.volume(), { state: 'frozen', stateReason: /has images in clear/ })
  await rig.media.unassignImage({ backupId: 'client1_1767225600' })
  await rig.media.setVolumeState({ volumeId: 'A00001', state: 'active' })
  const encrypted = await mountFor(pool)
  await put(encrypted, fragmentOf(2), noise(2, 1024))
  await encrypted.unmount()
  t.same(
    (await recorded(rig)).filter(({ isEncrypted }) => !isEncrypted).map(({ at }) => at),
    [0, 1, 3],
  )
})

t.test(
  'a key file is read by its owner alone, keeps what it has, and says what is wrong with it',
  async (t) => {
    const path = `${t.testdir({})}/keys.json`
    const keys = openTapeKeyFile({ files, makeKey: () => new Uint8Array(32).fill(0xab) }, { path })
    t.equal(await keys.active(), undefined)
    await keys.add({ label: 'one' })
    await Promise.all([keys.add({ label: 'two' }), keys.add({ label: 'the third' })])
    t.equal((await stat(path)).mode & 0o777, 0o600)
    t.same(await keys.labels(), ['one', 'two', 'the third'])
    t.equal((await keys.active())?.label, 'the third')
    t.same((await keys.find({ label: 'one' }))?.key, Buffer.alloc(32, 0xab))
    t.equal(await keys.find({ label: 'four' }), undefined)
    await t.rejects(keys.add({ label: 'two' }), { code: 'already-exists' })
    for (const label of ['', ' a', 'x'.repeat(31), 'schlüssel'])
      await t.rejects(keys.add({ label }), { code: 'argument-invalid', details: { field: 'label' } })

    const key = 'ab'.repeat(32)
    for (const [text, why] of [
      [`{"form":1,"keys":[{"label":"a","key":"${key}"`, /no JSON/],
      [`{"form":2,"active":"a","keys":[{"label":"a","key":"${key}"}]}`, /not of form 1/],
      [`{"form":1,"active":"b","keys":[{"label":"a","key":"${key}"}]}`, /active key "b" is not among them/],
      [`{"form":1,"active":"a","keys":[{"label":"a","key":"${key}0"}]}`, /"a" has not 64/],
      [`{"form":1,"active":"a","keys":[{"key":"${key}"}]}`, /no label/],
      [
        `{"form":1,"active":"a","keys":[{"label":"a","key":"${key}"},{"label":"a","key":"${key}"}]}`,
        /same label/,
      ],
      ['null', /not of form/],
    ] as const) {
      const broken = openTapeKeyFile({ files }, { path: `${t.testdir({ k: text })}/k` })
      const error: unknown = await broken.active().catch((failure: unknown) => failure)
      if (!(error instanceof NbError)) throw new Error('it is refused')
      t.equal(error.code, 'store-corrupt')
      t.match(error.message, why)
      t.notMatch(`${error.message}${JSON.stringify(error.details)}${String(error.cause)}`, /abab/)
    }
  },
)
