import type { Allocation, BackupSessionSpec, MediaNeed, MediaRequest, SessionReport } from '@nb/contracts'
import { createVolumeStore, numberSetting, type VolumeStore } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { filesOf, makeImage } from '../made-image.ts'
import { type World, backupId, createWorld, storageUnit } from '../world.ts'

if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

/** What a job manager with one drive for each copy would answer, and what it was asked. */
interface TapeRoom {
  readonly asked: MediaNeed[]
  readonly stop: () => Promise<void>
}

/** Answers the requests for media: a new volume each time, into the drive that the copy has. */
function tapeRoom(world: World, most = Infinity, isShared = false): TapeRoom {
  const asked: MediaNeed[] = []
  const held = new Map<string, Allocation>()
  let volumes = 0
  let answered = 0
  let isOver = false
  const tape = (request: MediaRequest, id: string, drive: string, volumeId: string): Allocation => ({
    allocationId: id,
    jobId: request.jobId,
    storageUnit,
    mediaServer: 'media1',
    purpose: request.need.kind,
    medium: {
      kind: 'tape',
      maxFragmentBytes: world.maxFragmentBytes,
      drive,
      volumeId,
      volumePool: 'p',
      ...(isShared ? { multiplex: { group: volumeId, most: 4 } } : {}),
    },
    since: 0,
  })
  const allocationFor = (request: MediaRequest): Allocation | undefined => {
    const { need, requestId } = request
    if (need.kind === 'read') return tape(request, requestId, 'd1', need.volumeId ?? 'none')
    volumes += 1
    if (volumes > most) return undefined
    const before = need.replaces === undefined ? undefined : held.get(need.replaces)?.medium
    const drive = before?.kind === 'tape' ? before.drive : 'd1'
    const first = tape(request, requestId, drive, `V${volumes}`)
    held.set(requestId, first)
    if (need.further === undefined) return first
    const further = need.further.map((_, index) => {
      volumes += 1
      const id = `${requestId}/${index + 2}`
      const allocation = tape(request, id, `d${index + 2}`, `V${volumes}`)
      held.set(id, allocation)
      return allocation
    })
    return { ...first, further }
  }
  const run = async (): Promise<void> => {
    while (!isOver) {
      const request = world.requests[answered]
      if (request === undefined) await new Promise<void>((resolve) => setImmediate(resolve))
      else {
        answered += 1
        const { sessionId, requestId, need } = request
        asked.push(need)
        const allocation = allocationFor(request)
        const answer =
          allocation === undefined
            ? ({ granted: false, status: 2000, text: 'there is no other volume' } as const)
            : ({ granted: true, allocation } as const)
        await world.server.grantMedia({ sessionId, requestId, answer })
        // The same answer may come twice, as after a restart of the job manager.
        await world.server.grantMedia({ sessionId, requestId, answer }).catch(() => undefined)
      }
    }
  }
  const done = run()
  return {
    asked,
    stop: async () => {
      isOver = true
      await done
    },
  }
}

interface Tapes {
  readonly world: World
  readonly store: VolumeStore
  readonly room: TapeRoom
}

async function openTapes(
  root: string,
  options: Omit<Parameters<typeof createVolumeStore>[0], 'storageUnit'> & {
    readonly most?: number
    readonly isShared?: boolean
  },
): Promise<Tapes> {
  const store = createVolumeStore({ storageUnit, ...options })
  const world = await createWorld(root, { wrapStore: () => store, blockBytes: 8192 })
  world.grants = 'holds'
  return { world, store, room: tapeRoom(world, options.most, options.isShared) }
}

/** The stream of a copy, by what lies on the volumes. */
function streamOn({ volumes }: VolumeStore, copy: number, report: SessionReport): Buffer {
  const fragments = report.written?.copies.find((each) => each.copy === copy)?.fragments ?? []
  return Buffer.concat(
    fragments.map(({ number, volumeId = '' }) => {
      const found = volumes.get(volumeId)?.find((each) => each.copy === copy && each.record.number === number)
      if (found === undefined) throw new Error(`fragment ${number} is not on ${volumeId}`)
      return found.payload
    }),
  )
}

const image = makeImage(backupId, filesOf([300_000, 0, 511, 2_400_000, 4, 70_000, 900_000, 200_000]))

for (const warns of [true, false])
  t.test(
    `an image goes on from tape to tape ${warns ? 'at a warning' : 'where a tape just ends'}, and comes back`,
    async (t) => {
      const { world, store, room } = await openTapes(t.testdir(), { volumeBytes: 1_500_000, warns })
      t.teardown(() => room.stop())
      world.agent.script = { image }
      world.maxFragmentBytes = 2 ** 30
      const report = await world.report(await world.server.startBackup(world.backupSpec()))
      t.match(report, { status: 0 }, report.statusText)
      const fragments = report.written?.copies[0]?.fragments ?? []
      t.same([...new Set(fragments.map(({ volumeId }) => volumeId))], ['V1', 'V2', 'V3'])
      t.ok(streamOn(store, 1, report).equals(image.stream))
      const last = [...store.volumes.values()].flat().filter((each) => each.last)
      t.equal(last.length, 1, 'one is the last')
      t.equal(store.volumes.get('V2')?.[0]?.previousVolume, 'V1')
      t.same(store.mounts, ['d1 V1', 'd1 V2', 'd1 V3'])
      t.match(room.asked.slice(1), [
        { kind: 'write', storage: { kind: 'unit', name: storageUnit }, replaces: /\/1$/ },
        { kind: 'write', replaces: /\/2$/ },
      ])
      const texts = world.lines.map(({ text }) => text).join('\n')
      t.match(texts, /end of medium: volume V1 in drive d1 .* requesting the next medium/)
      t.match(texts, /granted the next medium: volume V2 in drive d1/)

      world.agent.script = {}
      const copies = report.written?.copies ?? []
      const restored = await world.report(
        await world.server.startRestore(await world.restoreSpec(copies, image.records)),
      )
      t.match(restored, { status: 0 }, restored.statusText)
      t.ok(Buffer.concat(world.agent.delivered.map(({ content }) => content)).equals(image.stream))
      t.same(store.mounts.slice(3), ['d1 V1', 'd1 V2', 'd1 V3'], 'each volume once')

      const onThird = image.records.filter(
        ({ memberOffset }) => memberOffset > (fragments.at(-1)?.streamOffset ?? 0),
      )
      t.ok(onThird.length > 0)
      const spec = await world.restoreSpec(copies, onThird)
      const one = await world.report(await world.server.startRestore({ ...spec, jobId: '3' }))
      t.match(one, { status: 0 }, one.statusText)
      t.same(store.mounts.slice(6), ['d1 V3'], 'a file on the last volume wants no other')
    },
  )

t.test('two copies go on each in its own drive', async (t) => {
  const { world, store, room } = await openTapes(t.testdir(), { volumeBytes: 1_400_000 })
  t.teardown(() => room.stop())
  world.agent.script = { image }
  world.maxFragmentBytes = 2 ** 30
  const spec = world.backupSpec()
  const need = spec.need as Extract<MediaNeed, { kind: 'write' }>
  const further = [{ storage: need.storage, volumePool: 'p', retentionLevel: 3 }]
  const copies: BackupSessionSpec['copies'] = [1, 2].map((copy) => ({ copy, onFailure: 'failAllCopies' }))
  const session = await world.server.startBackup({ ...spec, need: { ...need, further }, copies })
  const report = await world.report(session)
  t.match(report, { status: 0 }, report.statusText)
  for (const copy of [1, 2]) t.ok(streamOn(store, copy, report).equals(image.stream), `copy ${copy}`)
  for (const drive of ['d1', 'd2'])
    t.ok(store.mounts.filter((mount) => mount.startsWith(drive)).length >= 3, `${drive} had several volumes`)
  t.ok(
    room.asked.some(
      (each) => each.kind === 'write' && each.replaces !== undefined && each.retentionLevel === 3,
    ),
    'the second copy asks as it was asked for',
  )
})

t.test('where no other tape is to be had the backup ends with 96', async (t) => {
  const { world, room } = await openTapes(t.testdir(), { volumeBytes: 1_500_000, most: 2 })
  t.teardown(() => room.stop())
  world.agent.script = { image }
  const report = await world.report(await world.server.startBackup(world.backupSpec()))
  t.match(report, { status: 96, statusText: /no other volume/ })
})

t.test('a session whose client is silent lets go of a shared tape at its end', async (t) => {
  const { world, store, room } = await openTapes(t.testdir(), { volumeBytes: 1_500_000, isShared: true })
  t.teardown(() => room.stop())
  // The block that brings the tape near its end is the last for a while.
  world.maxFragmentBytes = 2 ** 30
  world.agent.script = { image, silentAfter: 1_372_000 }
  const session = await world.server.startBackup(world.backupSpec())
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 200; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
  }
  await turns()
  t.same(store.mounts, ['d1 V1'])
  await world.clock.advance(2000)
  await turns()
  t.same(store.mounts, ['d1 V1', 'd1 V2'])
  t.equal(store.volumes.get('V1')?.length, 1, 'what there was is committed')
  await world.server.endSession({ ...session, status: 150, reason: 'enough' })
  await world.clock.advance(60_000)
  t.equal(store.mounts.length, 2, 'nobody looks any more')
})

t.test('media that take nothing are not asked for without end', async (t) => {
  const { world, store, room } = await openTapes(t.testdir(), { volumeBytes: 1000 })
  t.teardown(() => room.stop())
  world.agent.script = { image }
  const report = await world.report(await world.server.startBackup(world.backupSpec()))
  t.match(report, { status: 96, statusText: /16 media have taken nothing/ })
  t.equal(store.mounts.length, 17)
})

t.test('a tape that is full from the beginning is passed over', async (t) => {
  const { world, store, room } = await openTapes(t.testdir(), {
    volumeBytes: (volumeId) => (volumeId === 'V1' ? 1000 : 9_000_000),
  })
  t.teardown(() => room.stop())
  world.agent.script = { image }
  const report = await world.report(await world.server.startBackup(world.backupSpec()))
  t.match(report, { status: 0 }, report.statusText)
  t.same(store.mounts, ['d1 V1', 'd1 V2'])
  t.ok(streamOn(store, 1, report).equals(image.stream))
})

t.test(
  'whatever the sizes of files, fragments and tapes, the stream is whole and fragments have no gap',
  async (t) => {
    const root = t.testdir()
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 400_000 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 250_000, max: 900_000 }),
        fc.boolean(),
        fc.integer({ min: 18, max: 22 }),
        async (sizes, volumeBytes, warns, fragmentBits) => {
          const { world, store, room } = await openTapes(root, { volumeBytes, warns, warningBytes: 70_000 })
          const made = makeImage(backupId, filesOf(sizes))
          world.agent.script = { image: made, chunkBytes: 30_000 }
          world.maxFragmentBytes = 2 ** fragmentBits
          const report = await world.report(await world.server.startBackup(world.backupSpec()))
          await room.stop()
          await world.server.stop()
          const fragments = report.written?.copies[0]?.fragments ?? []
          const end = fragments.reduce(
            (at, { number, streamOffset, streamBytes }, index) =>
              number === index + 1 && streamOffset === at ? at + streamBytes : Number.NaN,
            0,
          )
          return (
            report.status === 0 &&
            end === made.stream.length &&
            streamOn(store, 1, report).equals(made.stream)
          )
        },
      ),
      {
        numRuns: process.env['NB_LONG'] === '1' ? 1000 : 12,
        seed: numberSetting('NB_SEED', 20_261_127),
      },
    )
    t.pass('all')
  },
)
