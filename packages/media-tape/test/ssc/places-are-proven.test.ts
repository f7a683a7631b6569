import { NbError } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import type { ScsiTapeDrive } from '../../src/ssc/scsi-drive-types.ts'
import { createScsiTapeDrive } from '../../src/ssc/scsi-tape-drive.ts'
import { TapeTarget, type TapeTargetOptions } from './tape-target.ts'

async function loaded(
  options: TapeTargetOptions = {},
): Promise<{ target: TapeTarget; drive: ScsiTapeDrive }> {
  const target = new TapeTarget(options)
  const drive = createScsiTapeDrive({ transport: target, clock: createVirtualClock() }, { name: 'drive1' })
  await drive.load()
  target.log.length = 0
  return { target, drive }
}
const block = (value: number): { data: Uint8Array } => ({ data: new Uint8Array(10).fill(value) })
const values = (target: TapeTarget): (number | null | undefined)[] =>
  target.list.map((one) => (one === null ? null : one[0]))

const drives: Record<string, TapeTargetOptions> = {
  'that reports places': {},
  'whose places are counted': {
    counted: true,
    lacks: ['locate-16', 'locate-10', 'log-sense', 'read-attribute'],
  },
}

for (const [what, options] of Object.entries(drives))
  t.test(`a drive ${what}`, async (t) => {
    t.test('a reset that moved nothing is gone on over, once the place is proven', async (t) => {
      const { target, drive } = await loaded(options)
      await drive.writeBlock(block(1))
      await drive.writeFilemarks({ count: 0 })
      target.attention(0x29, 0)
      target.log.length = 0
      t.match(await drive.writeBlock(block(2)), { written: true, position: { object: 2 } })
      t.same(values(target), [1, 2])
      t.same(
        target.log.filter((name) => name === 'write-6').length,
        2,
        'the first one was refused by the drive',
      )
      t.ok(target.log.length > 2, 'the place was proven in between')
      t.ok(target.log.includes('prevent-allow-medium-removal'), 'and its volume is held again')
    })

    t.test('a connection that was lost while nothing went on is gone on over', async (t) => {
      const { target, drive } = await loaded(options)
      await drive.writeBlock(block(1))
      await drive.writeFilemarks({ count: 1 })
      target.disconnect()
      t.match(await drive.writeBlock(block(2)), { written: true, position: { object: 3, file: 1 } })
      t.same(values(target), [1, null, 2])
      t.equal(target.nexus, 2)
    })

    t.test('a block whose writing ended in the dark is not written twice', async (t) => {
      for (const breaks of ['before', 'after'] as const) {
        const { target, drive } = await loaded(options)
        await drive.writeBlock(block(1))
        target.fault('write-6', { breaks })
        await t.rejects(drive.writeBlock(block(2)), {
          code: 'media-write-failed',
          details: { meaning: 'end-unknown', object: undefined },
          cause: { code: 'scsi-transport-lost' },
        })
        const recorded = values(target)
        const error = await drive.writeBlock(block(3)).catch((one: unknown) => one)
        t.ok(error instanceof NbError && error.code === 'media-position-failed', String(error))
        const { object } = (error as NbError).details
        t.same(values(target), recorded, 'nothing was written meanwhile')
        // Counted drives go to the last place that was certain; the others tell the true one.
        t.equal(object, options.counted === true || breaks === 'before' ? 1 : 2)
        t.match(await drive.position(), { object })
        t.match(await drive.writeBlock(block(4)), {
          written: true,
          position: { object: (object as number) + 1 },
        })
        t.equal(target.planned, 0)
      }
    })

    t.test('another volume is not taken for the one that was loaded', async (t) => {
      const { target, drive } = await loaded(options)
      await drive.writeBlock(block(1))
      target.attention(0x28, 0)
      target.list = [Buffer.from('foreign')]
      target.at = 0
      await t.rejects(drive.writeBlock(block(2)), { code: 'drive-not-ready' })
      await t.rejects(drive.readBlock({ target: new Uint8Array(10) }), { code: 'drive-not-ready' })
      t.same(target.list, [Buffer.from('foreign')])
      t.match(await drive.load(), { object: 0, file: 0 })
    })

    t.test('a damaged block is stood behind', async (t) => {
      const { target, drive } = await loaded(options)
      for (const value of [1, 2, 3]) await drive.writeBlock(block(value))
      await drive.rewind()
      const into = new Uint8Array(10)
      target.fault('read-6', { sense: { key: 3, asc: 0x11, ascq: 0 }, carriedOut: true }, 1)
      await drive.readBlock({ target: into })
      await t.rejects(drive.readBlock({ target: into }), {
        code: 'media-read-failed',
        details: { drive: 'drive1', object: 2, sense: '3/11/00' },
      })
      t.match(await drive.readBlock({ target: into }), { kind: 'block', position: { object: 3 } })
      t.equal(into[0], 3)
    })
  })

t.test(
  'what the drive had in its buffer when the power went is missed, by whatever comes next',
  async (t) => {
    const { target, drive } = await loaded()
    await drive.writeBlock(block(1))
    await drive.writeFilemarks({ count: 1 })
    await drive.writeBlock(block(2))
    target.powerCycle()
    await t.rejects(drive.writeBlock(block(3)), {
      code: 'media-position-failed',
      details: { object: 0, believed: 3 },
    })
    t.same(values(target), [1, null], 'nothing was written over the beginning')
    await drive.space({ over: 'end-of-data' })
    await drive.writeBlock(block(4))
    target.powerCycle()
    await t.rejects(drive.locate({ object: 1 }), {
      code: 'media-write-failed',
      details: { object: 0, believed: 3 },
    })
    t.match(await drive.locate({ object: 1 }), { object: 1 })
    await drive.writeBlock(block(5))
    target.powerCycle()
    await t.rejects(drive.rewind(), { code: 'media-write-failed' })
    await drive.rewind()
    await drive.writeBlock(block(6))
    target.powerCycle()
    await t.rejects(drive.unload(), { code: 'media-write-failed' })
    await drive.unload()
  },
)

t.test('a drive that stands elsewhere than where it wrote is not believed', async (t) => {
  const { target, drive } = await loaded()
  await drive.writeBlock(block(1))
  target.list.push(Buffer.from('more'))
  target.at += 1
  await t.rejects(drive.writeFilemarks({ count: 1 }), {
    code: 'media-write-failed',
    retryable: false,
    details: { object: 3, believed: 2 },
  })
})

t.test('a place that LOCATE does not lead to is refused', async (t) => {
  const { target, drive } = await loaded()
  for (const value of [1, 2, 3]) await drive.writeBlock(block(value))
  target.fault('locate-16', {})
  target.fault('locate-16', { sense: { key: 1, asc: 0x17, ascq: 0 } })
  t.match(await drive.locate({ object: 1 }), { object: 1 })
  await t.rejects(drive.locate({ object: 2 }), {
    code: 'media-position-failed',
    details: { object: 1, believed: 2 },
  })
  t.match(await drive.position(), { object: 1 })
})

t.test(
  'a drive that can not tell its place at the beginning is not worked with as if it could',
  async (t) => {
    const transport = new TapeTarget({ counted: true })
    const drive = createScsiTapeDrive(
      { transport, clock: createVirtualClock() },
      { quirks: { positions: 'reported' } },
    )
    await t.rejects(drive.load(), { code: 'not-supported' })
    await t.rejects(drive.writeBlock(block(1)), { code: 'drive-not-ready' })
    t.equal(transport.list.length, 0)
  },
)

t.test('a drive that does not tell of another volume is looked into after each reset', async (t) => {
  const { target, drive } = await loaded(drives['whose places are counted'])
  const foreign = [9, 8, 7, 6].map((value) => Buffer.alloc(10, value))
  const commands = [
    () => drive.writeBlock(block(3)),
    () => drive.rewind(),
    () => drive.locate({ object: 1 }),
    () => drive.space({ over: 'end-of-data' }),
    () => drive.unload(),
  ]
  for (const command of commands) {
    await drive.writeBlock(block(1))
    await drive.writeBlock(block(2))
    await drive.writeFilemarks({ count: 1 })
    target.attention(0x29, 0)
    target.list = [...foreign]
    target.at = 0
    const error = await command().catch((one: unknown) => one)
    // Unloading is the same for whatever is in it.
    if (command !== commands.at(-1)) t.match(error, { code: 'drive-not-ready' })
    t.same(target.list, foreign)
    t.match(await drive.load(), { object: 0 })
  }
  // Nothing of the volume was seen since it was loaded: nobody knows.
  target.attention(0x29, 0)
  await t.rejects(drive.rewind(), { code: 'drive-not-ready' })
})

t.test('where the question for the place is not answered, the place is not known', async (t) => {
  const { target, drive } = await loaded()
  for (const value of [1, 2, 3]) await drive.writeBlock(block(value))
  target.fault('read-position', { breaks: 'after' })
  await t.rejects(drive.writeFilemarks({ count: 1 }), {
    code: 'media-write-failed',
    details: { meaning: 'end-unknown' },
  })
  await t.rejects(drive.writeFilemarks({ count: 1 }), {
    code: 'media-position-failed',
    details: { object: 4 },
  })
  t.same(values(target), [1, 2, 3, null], 'no second filemark was written unseen')
  await drive.rewind()
  // The connection holds, only the answer was too late.
  target.fault('read-position', { sense: { key: 0xb, asc: 0x47, ascq: 0 } })
  await t.rejects(drive.space({ over: 'blocks', count: 2 }), { code: 'scsi-command-failed' })
  await t.rejects(drive.readBlock({ target: new Uint8Array(10) }), {
    code: 'media-position-failed',
    details: { object: 2, believed: undefined },
  })
  t.match(await drive.position(), { object: 2 })
})
