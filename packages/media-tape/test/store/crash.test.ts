import assert from 'node:assert/strict'
import { type FragmentRecord, NbError } from '@nb/contracts'
import { collect, driven, numberSetting } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import type { FaultEffect } from '../../src/index.ts'
import { propertyRuns } from '../property-runs.ts'
import { noise } from './spanning.ts'
import { type TapeRig, tapeRig } from './tape-rig.ts'

const isLong = process.env['NB_LONG'] === '1'
if (isLong) t.setTimeout(3_600_000)

/** A fragment that was reported, and what it has to read as. */
interface Reported {
  readonly backupId: string
  readonly record: FragmentRecord
  readonly payload: Buffer
}

/** What was written on one volume: what was reported, and what may be there though nobody was told. */
class History {
  readonly rig: TapeRig
  readonly reported: Reported[] = []
  readonly begun = new Set<string>()
  #serial = 0

  constructor(rig: TapeRig) {
    this.rig = rig
  }

  /** Mounts, writes fragments of so many bytes, discards those below 0, unmounts. */
  async job(sizes: readonly number[]): Promise<void> {
    const { rig } = this
    const medium = await rig.store.mount({
      allocation: rig.allocationOf('write'),
      jobId: '1',
      flow: 'backup',
    })
    // A volume without images is never noted as full.
    await rig.media.assignImage({ volumeId: 'A00001', backupId: 'client1_1', retentionLevel: 1 })
    try {
      for (const size of sizes) {
        this.#serial += 1
        const backupId = `client1_${this.#serial}`
        this.begun.add(backupId)
        const writer = await medium.createFragment({
          ...{ backupId, copy: 1, number: 1, streamOffset: 0, startsAtMember: true },
          ...{ client: 'client1', policy: 'policy1', schedule: 'full', createdAt: 0 },
        })
        const payload = noise(this.#serial, Math.abs(size) * 512)
        for (let at = 0; at < payload.length; at += 300_000)
          await writer.write(payload.subarray(at, at + 300_000))
        if (size < 0) {
          await writer.discard()
          this.begun.delete(backupId)
          continue
        }
        const fileList = [Buffer.from(`list of ${backupId}`)]
        const record = await writer.commit({ image: { backupId }, fileList, endsAtMember: true, last: true })
        // A bad block has ended the medium inside what had been accepted: the rest is told, for the next volume.
        const left = Buffer.concat((writer.left ?? []) as Uint8Array[])
        assert.ok(left.equals(payload.subarray(record.streamBytes)), `${backupId}: what is left`)
        this.reported.push({ backupId, record, payload: payload.subarray(0, record.streamBytes) })
      }
    } finally {
      await medium.unmount()
    }
  }

  /** All that was reported is there, in order and whole; what else is there was about to be reported. */
  async check(): Promise<void> {
    const { rig } = this
    const told = (await rig.contents()).map((content) => {
      if (content.kind === 'fragment') return content
      // A fault of the plan that came about only now: the file is not damaged, so the next look finds it whole.
      assert.match(content.reason, /unrecovered read error/)
      throw new NbError('media-read-failed', content.reason)
    })
    const places = told.map(({ fragment }) => fragment.filemark)
    assert.deepEqual(
      places,
      places.map((_, at) => 2 + at),
    )
    const expected = this.reported.map(({ record }) => record)
    const found = told.filter(({ backupId }) => this.reported.some((one) => one.backupId === backupId))
    assert.deepEqual(
      found.map(({ fragment }) => fragment),
      expected,
    )
    for (const { backupId } of told) assert.ok(this.begun.has(backupId), `${backupId} was discarded`)
    const medium = await rig.store.mount({ allocation: rig.allocationOf('read'), jobId: '2' })
    for (const { backupId, record, payload } of this.reported) {
      const reader = await medium.openFragment({ backupId, copy: 1, fragment: record })
      const chunks: Buffer[] = []
      for await (const chunk of reader.read({ offset: 0, bytes: record.streamBytes }))
        chunks.push(Buffer.from(chunk))
      await reader.close()
      assert.ok(Buffer.concat(chunks).equals(payload), backupId)
    }
    await medium.unmount()
  }
}

function isOfTheHardware(error: unknown): boolean {
  return error instanceof NbError && error.code !== 'internal' && error.code !== 'fragment-corrupt'
}

t.test('with the power lost at any command what was reported is there, and the volume goes on', async (t) => {
  const step = isLong ? 1 : 11
  let met = 0
  let commands = 0
  for (let occurrence = 1 + (occurrenceSeed() % step); ; occurrence += step) {
    const rig = await tapeRig({ powerLossSeed: occurrence })
    const history = new History(rig)
    await history.job([1024])
    rig.library.faults.add({ unit: 'drive1', effect: 'power-lost', occurrence })
    let failed = 0
    for (const sizes of [[700, -600, 1], [2000]]) {
      await history.job(sizes).catch((error: unknown) => {
        assert.ok(isOfTheHardware(error), String(error))
        failed += 1
      })
      if (rig.library.faults.pending.length === 0) await rig.reopen()
    }
    if (rig.library.faults.pending.length > 0) {
      commands = occurrence
      break
    }
    met += failed
    await history.check()
    await history.job([900, 3])
    await history.check()
  }
  t.ok(met > 0)
  t.comment(`${commands} commands, ${met} jobs failed by it`)
})

function occurrenceSeed(): number {
  return numberSetting('NB_SEED', 0)
}

const effects: readonly FaultEffect[] = [
  { effect: 'transport-lost', ran: true },
  { effect: 'transport-lost', ran: false },
  { effect: 'power-lost' },
  { effect: 'busy' },
  { effect: 'write-error' },
  { effect: 'write-error', later: 2 },
  { effect: 'read-error' },
]

t.test('histories of jobs, crashes and faults: nothing that was reported is lost', async (t) => {
  const met = new Map<string, number>()
  const job = fc.array(fc.integer({ min: -1500, max: 2500 }), { minLength: 1, maxLength: 4 })
  const steps = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ step: fc.constant('job' as const), sizes: job }) },
      { weight: 1, arbitrary: fc.record({ step: fc.constant('crash' as const) }) },
      {
        weight: 3,
        arbitrary: fc.record({
          step: fc.constant('fault' as const),
          effect: fc.constantFrom(...effects),
          occurrence: fc.integer({ min: 1, max: 40 }),
        }),
      },
    ),
    { minLength: 2, maxLength: 10 },
  )
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), async (plan, powerLossSeed) => {
      const rig = await tapeRig({ powerLossSeed })
      const history = new History(rig)
      const attempt = async (body: () => Promise<void>): Promise<boolean> => {
        try {
          await driven(rig.clock, body())
          return true
        } catch (error) {
          assert.ok(isOfTheHardware(error), error instanceof Error ? error.stack : String(error))
          const { code } = error as NbError
          met.set(code, (met.get(code) ?? 0) + 1)
          return false
        }
      }
      /** The process that begins may meet what is left of the plan as well. */
      const reopen = async (): Promise<void> => {
        while (!(await attempt(async () => void (await rig.reopen()))));
      }
      await history.job([512])
      for (const one of plan) {
        if (one.step === 'job') await attempt(() => history.job(one.sizes))
        else if (one.step === 'crash') await reopen()
        else rig.library.faults.add({ unit: 'drive1', occurrence: one.occurrence, ...one.effect })
      }
      // What is left of the plan may still come about; people bring back what was taken down.
      for (let again = 0; ; again++) {
        await rig.media.setDriveState({ name: 'drive1', state: 'up' })
        await rig.media.forgetErrors({ drive: 'drive1' })
        await reopen()
        if (await attempt(() => history.check())) break
        assert.ok(again < 30, 'it can never be read')
      }
      for (let again = 0; ; again++) {
        // A bad block has made it full: nothing is appended any more.
        const isFull = (await rig.volume()).state === 'full'
        if (isFull || (await attempt(() => history.job([512])))) break
        assert.ok(again < 30, 'nothing can ever be appended')
        await reopen()
      }
      for (let again = 0; !(await attempt(() => history.check())); again++) {
        assert.ok(again < 30, 'it can never be read')
        await reopen()
      }
    }),
    propertyRuns(t, 6),
  )
  t.comment([...met].map(([code, times]) => `${code} ${times}`).join(', '))
})

t.test('a drive whose connection is lost goes on, once the place is proven', async (t) => {
  const mib = 2048
  for (const command of ['write-6', 'write-filemarks-6', 'read-6', 'locate-16'] as const)
    for (const ran of [true, false]) {
      const rig = await tapeRig()
      const history = new History(rig)
      await history.job([mib])
      const lost = { unit: 'drive1', command, effect: 'transport-lost', ran } as const
      rig.library.faults.add({ ...lost, occurrence: 2 })
      rig.library.faults.add({ ...lost, occurrence: 3 })
      await driven(rig.clock, history.job([3 * mib, 1]))
      await driven(rig.clock, history.check())
      t.same(rig.library.faults.pending, [], `${command} ${ran ? 'ran' : 'did not run'}`)
      t.same(await collect(rig.media.mediaErrors({})), [], 'it is neither the volume’s fault nor the drive’s')
      t.equal(history.reported.at(-1)?.record.filemark, 4)
    }
})

t.test('where a drive stands elsewhere after a loss nothing is written, and the loss is told', async (t) => {
  const rig = await tapeRig()
  const history = new History(rig)
  await history.job([1024])
  const here = { unit: 'drive1', command: 'write-6' } as const
  // The block before was taken, and is found out to be lost only when this one comes, whose answer gets lost.
  rig.library.faults.add({ ...here, effect: 'write-error', later: 1, occurrence: 3 })
  rig.library.faults.add({ ...here, effect: 'transport-lost', ran: true, occurrence: 4 })
  await t.rejects(driven(rig.clock, history.job([3000, 1])), {
    code: 'media-write-failed',
  })
  t.same(rig.library.faults.pending, [])
  await history.job([800])
  await history.check()
})

t.test('a connection that does not come back is told as what it is', async (t) => {
  const rig = await tapeRig()
  const history = new History(rig)
  await history.job([1024])
  for (let occurrence = 1; occurrence <= 40; occurrence++)
    rig.library.faults.add({
      ...{ unit: 'drive1', command: 'read-position', effect: 'transport-lost', ran: false },
      occurrence,
    })
  const lost = { unit: 'drive1', command: 'write-6', effect: 'transport-lost', ran: true } as const
  rig.library.faults.add({ ...lost, occurrence: 3 })
  await t.rejects(driven(rig.clock, history.job([3000])), {
    message: /the connection to .*drive1 is lost: it broke; it did not come back within 30 s/,
    retryable: true,
  })
  t.same(await collect(rig.media.mediaErrors({})), [])
})
