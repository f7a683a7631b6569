import { readdirSync } from 'node:fs'
import { type MediaRequest, NbError, type SessionReport, type StoredImage } from '@nb/contracts'
import t from 'tap'
import { filesOf, makeImage, noise } from './made-image.ts'
import { type World, backupId, createWorld } from './world.ts'

const image = makeImage(backupId, filesOf([300_000, 0, 511, 512, 1_200_000, 4, 70_000]))

function stepsOf(world: World): (number | undefined)[] {
  return world.lines.flatMap(({ step }) => (step === undefined ? [] : [step.number]))
}

async function fragmentsOf(world: World): Promise<StoredImage[]> {
  const found: StoredImage[] = []
  for await (const stored of world.store.storedImages()) found.push(stored)
  return found
}

/** The stream as the fragments have it. */
async function readStream(world: World, report: SessionReport): Promise<Buffer> {
  const copy = report.written?.copies[0]
  const spec = world.backupSpec()
  const allocation = {
    allocationId: 'a',
    jobId: '3',
    storageUnit: 'disk1',
    mediaServer: 'media1',
    purpose: 'read',
    medium: { kind: 'disk', maxFragmentBytes: 1 },
    since: 0,
  } as const
  const medium = await world.store.mount({ allocation, jobId: '3', flow: 'restore' })
  const chunks: Buffer[] = []
  for (const fragment of copy?.fragments ?? []) {
    const reader = await medium.openFragment({ backupId: spec.image.backupId, copy: 1, fragment })
    for await (const chunk of reader.read({ offset: 0, bytes: fragment.streamBytes }))
      chunks.push(Buffer.from(chunk))
    await reader.close()
  }
  await medium.unmount()
  return Buffer.concat(chunks)
}

t.test('a backup writes fragments, passes the list on, and reports once', async (t) => {
  const world = await createWorld(t.testdir())
  world.agent.script = { image }
  const session = await world.server.startBackup(world.backupSpec())
  t.same(await world.server.startBackup(world.backupSpec()), session, 'the same request starts nothing new')
  t.same(
    (await world.server.sessions({})).map(({ sessionId, kind }) => [sessionId, kind]),
    [[session.sessionId, 'backup']],
  )
  const report = await world.report(session)
  t.equal(report.status, 0, report.statusText)
  t.same(report.written?.counts, image.counts)
  t.same(report.written?.fileList, image.totals)
  t.same(
    stepsOf(world).filter((step) => step !== 11),
    [8, 9, 10, 10, 12, 13],
  )
  t.same(stepsOf(world).filter((step) => step === 11).length, 1)
  t.ok(world.lists.get(backupId)?.equals(image.list), 'the catalog has the list')
  t.same(world.sealed, [backupId])
  t.same(await world.server.sessions({}), [])
  t.ok((await readStream(world, report)).equals(image.stream), 'the fragments hold the stream')
  t.equal(world.agent.aborts.length, 0)
  t.match(world.progress.at(-1), { files: image.counts.entries, bytes: image.counts.bytes })
  await world.server.stop()
  t.same(world.reports, [report], 'one report')
})

t.test('fragments end at members where one is near, and never exceed the greatest size', async (t) => {
  const world = await createWorld(t.testdir())
  world.agent.script = { image, chunkBytes: 77_777 }
  world.maxFragmentBytes = 400_000
  const report = await world.report(await world.server.startBackup(world.backupSpec()))
  const fragments = report.written?.copies[0]?.fragments ?? []
  t.ok(fragments.length >= 4)
  let offset = 0
  for (const { number, streamOffset, streamBytes } of fragments) {
    t.equal(streamOffset, offset, `fragment ${number} follows without a gap`)
    t.ok(streamBytes <= 400_000)
    offset += streamBytes
  }
  t.equal(offset, image.stream.length)
  t.ok(
    fragments.some(({ wholeMembers }) => !wholeMembers),
    'the big file is cut',
  )
  t.ok((await readStream(world, report)).equals(image.stream))
  await world.server.stop()
})

t.test('an image without data is one fragment, which carries its list', async (t) => {
  const world = await createWorld(t.testdir())
  const nothing = makeImage(backupId, [])
  world.agent.script = { image: nothing }
  const report = await world.report(await world.server.startBackup(world.backupSpec()))
  t.equal(report.status, 0, report.statusText)
  t.same(
    report.written?.copies[0]?.fragments.map(({ streamBytes }) => streamBytes),
    [0],
  )
  t.ok(world.lists.get(backupId)?.equals(nothing.list))
  await world.server.stop()
})

t.test('many small files close a fragment early instead of filling the memory', async (t) => {
  const world = await createWorld(t.testdir(), { mostFileListBytes: 65_536 })
  const many = makeImage(backupId, filesOf(Array.from({ length: 12_000 }, () => 3)), { batchBytes: 1024 })
  world.agent.script = { image: many }
  world.maxFragmentBytes = 2 ** 30
  const report = await world.report(await world.server.startBackup(world.backupSpec()))
  t.equal(report.status, 0, report.statusText)
  const fragments = report.written?.copies[0]?.fragments ?? []
  t.ok(many.list.length > 2 * 65_536, `a list of ${many.list.length} bytes`)
  t.ok(fragments.length > 1, `${fragments.length} fragments`)
  t.ok(fragments.every(({ wholeMembers }) => wholeMembers))
  await world.server.stop()
})

t.test(
  'a list without data is given to the medium in parts, and waits for the medium where there is none yet',
  async (t) => {
    const world = await createWorld(t.testdir(), { mostFileListBytes: 65_536 })
    const many = makeImage(backupId, filesOf(Array.from({ length: 12_000 }, () => 3)), { batchBytes: 1024 })
    const counts = { ...many.counts, storedEntries: 0, bytes: 0, streamBytes: 0 }
    world.agent.script = { image: { ...many, stream: Buffer.alloc(0), counts }, chunkBytes: 20_000 }
    world.grants = 'holds'
    const started = await world.server.startBackup(world.backupSpec())
    while (world.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
    await world.grant(world.requests[0] as (typeof world.requests)[number])
    const report = await world.report(started)
    t.equal(report.status, 0, report.statusText)
    const fragments = report.written?.copies[0]?.fragments ?? []
    t.ok(fragments.length > Math.floor(many.list.length / 100_000), `${fragments.length} fragments`)
    t.ok(fragments.every(({ streamBytes, wholeMembers }) => streamBytes === 0 && wholeMembers))
    t.ok(world.lists.get(backupId)?.equals(many.list))
    await world.server.stop()
  },
)

t.test('an incremental gives the client the list to compare with', async (t) => {
  const world = await createWorld(t.testdir())
  world.agent.script = { image }
  await world.report(await world.server.startBackup(world.backupSpec({ referenceId: 'web1_1' })))
  t.equal(world.agent.backups[0]?.reference?.backupId, 'web1_1')
  t.ok(world.agent.backups[0]?.reference?.ticket.token)
  await world.server.stop()
})

t.test('warnings of the client make the status 1', async (t) => {
  const world = await createWorld(t.testdir())
  world.agent.script = { image, tells: { status: 1, warnings: 3 } }
  const report = await world.report(await world.server.startBackup(world.backupSpec()))
  t.match(report, { status: 1, warnings: 3 })
  t.ok(report.written)
  await world.server.stop()
})

const unreachable = new NbError('client-unreachable', 'no agent there')
const unreadable = new NbError('source-unreadable', 'no rights')

const failures: readonly {
  readonly name: string
  readonly status: number
  readonly text: RegExp
  readonly prepare: (world: World) => void
}[] = [
  {
    name: 'step 8: the client cannot be reached',
    status: 58,
    text: /no agent there/,
    prepare: ({ agent }) => (agent.script = { unreachable }),
  },
  {
    name: 'step 9: the request is refused',
    status: 63,
    text: /manager says no/,
    prepare: (world) => (world.grants = new NbError('session-killed', 'manager says no')),
  },
  {
    name: 'step 9: the medium is denied',
    status: 2001,
    text: /no drive is free/,
    prepare: (world) => (world.grants = 'denies'),
  },
  {
    name: 'step 10: the medium cannot be mounted',
    status: 83,
    text: /mount/,
    prepare: (world) =>
      (world.store.mount = async () => {
        throw new NbError('media-open-failed', 'mount says no')
      }),
  },
  {
    name: 'step 11: the file list is damaged',
    status: 229,
    text: /file list/,
    prepare: ({ agent }) => {
      const list = Buffer.from(image.list)
      list[list.length - 20] = (list[list.length - 20] as number) ^ 1
      agent.script = { image: { ...image, list } }
    },
  },
  {
    name: 'step 12: the client fails',
    status: 2,
    text: /no rights/,
    prepare: ({ agent }) => (agent.script = { image, failAfter: { bytes: 500_000, error: unreadable } }),
  },
  {
    name: 'step 12: what comes is no archive',
    status: 92,
    text: /no archive/,
    prepare: ({ agent }) => (agent.script = { image: { ...image, stream: noise(9, 1_000_000) } }),
  },
  {
    name: 'step 12: the stream ends inside a member',
    status: 92,
    text: /inside a member/,
    prepare: ({ agent }) =>
      (agent.script = { image: { ...image, stream: image.stream.subarray(0, 200_000) } }),
  },
  {
    name: 'step 12: the medium fails',
    status: 84,
    text: /write says no/,
    prepare: ({ store }) => {
      const mount = store.mount.bind(store)
      store.mount = async (...input) => {
        const medium = await mount(...input)
        const write = async (): Promise<void> => {
          throw new NbError('media-write-failed', 'write says no')
        }
        return {
          ...medium,
          createFragment: async (...fragment) =>
            Object.assign(await medium.createFragment(...fragment), { write }),
        }
      }
    },
  },
  {
    name: 'step 13: the client claims to have sent something else',
    status: 229,
    text: /entries/,
    prepare: ({ agent }) =>
      (agent.script = {
        image,
        tells: { sent: { counts: { ...image.counts, streamBytes: 1 }, fileList: image.totals } },
      }),
  },
  {
    name: 'step 13: the client fails after its last byte',
    status: 2,
    text: /no rights/,
    prepare: ({ agent }) =>
      (agent.script = { image, tells: { status: 2, error: { ...unreadable, message: 'no rights' } } }),
  },
  {
    name: 'step 13: the catalog cannot make the list durable',
    status: 155,
    text: /catalog full/,
    prepare: (world) =>
      (world.seal = async () => {
        throw new NbError('disk-full', 'catalog full')
      }),
  },
]

for (const { name, status, text, prepare } of failures) {
  t.test(`failure at ${name}`, async (t) => {
    const world = await createWorld(t.testdir())
    world.agent.script = { image }
    prepare(world)
    const report = await world.report(await world.server.startBackup(world.backupSpec()))
    t.equal(report.status, status, report.statusText)
    t.match(report.statusText, text)
    t.equal(report.error?.status, status)
    t.equal(report.written, undefined)
    await world.server.stop()
    t.same(world.reports, [report], 'one report')
    t.same(await fragmentsOf(world), [], 'nothing is left on the medium')
    t.same(world.agent.living, 0, 'nothing runs on the client')
    t.match(world.lines.at(-1), { component: 'media-session', severity: 'error', step: { number: 13 } })
    t.equal(world.clock.pendingTimers, 0, 'no timer is left')
    t.same(readdirSync(world.directory), ['.nb-disk.json'])
  })
}

t.test('a checkpoint of an incremental that has sent nothing yet waits for the medium', async (t) => {
  const world = await createWorld(t.testdir())
  const whole = makeImage(backupId, filesOf([100_000, 200_000]), { standAfter: [1] })
  // It stands where it has listed an entry whose data is elsewhere.
  const stands = whole.stands.map((stand) => ({ ...stand, counts: { ...stand.counts, streamBytes: 0 } }))
  world.agent.script = { image: { ...whole, stands } }
  world.grants = 'holds'
  const session = await world.server.startBackup({ ...world.backupSpec(), checkpointIntervalMs: 0 })
  while (world.requests.length === 0) await new Promise((resolve) => setImmediate(resolve))
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
  t.equal(world.checkpoints.length, 0)
  await world.grant(world.requests[0] as MediaRequest)
  const report = await world.report(session)
  t.equal(report.status, 0, report.statusText)
  t.match(world.checkpoints, [{ number: 1, streamBytes: 0 }])
  await world.server.stop()
})
