import type { ImageCopy, SessionReport } from '@nb/contracts'
import { NbError } from '@nb/contracts'
import { HEADER_BYTES } from '@nb/formats'
import { open } from 'node:fs/promises'
import t from 'tap'
import { filesOf, makeImage } from './made-image.ts'
import { type World, type WorldOptions, backupId, createWorld } from './world.ts'

const image = makeImage(backupId, filesOf([300_000, 0, 511, 512, 1_200_000, 4, 70_000]))

/** A world in which the image has been backed up. */
async function backedUp(
  root: string,
  options: WorldOptions = {},
): Promise<{ world: World; copy: ImageCopy }> {
  const world = await createWorld(root, options)
  world.agent.script = { image }
  world.maxFragmentBytes = 400_000
  const report = await world.report(await world.server.startBackup(world.backupSpec()))
  const copy = report.written?.copies[0]
  if (copy === undefined) throw new Error(report.statusText)
  world.lines.length = 0
  world.agent.script = {}
  return { world, copy }
}

async function restore(world: World, copy: ImageCopy, wanted: readonly number[]): Promise<SessionReport> {
  const records = image.records.filter((_, index) => wanted.includes(index))
  return world.report(await world.server.startRestore(await world.restoreSpec([copy], records)))
}

t.test('a session that is told what is wanted of every image does not read the plan', async (t) => {
  const { world, copy } = await backedUp(t.testdir())
  const records = [1, 4].flatMap((index) => image.records[index] ?? [])
  const spec = await world.restoreSpec([copy], records)
  const ranges = records.map(({ memberOffset, memberBytes }) => ({
    offset: memberOffset,
    bytes: memberBytes,
  }))
  const report = await world.report(
    await world.server.startRestore({
      ...spec,
      images: [{ backupId, copy, wanted: { entries: records.length, ranges } }],
      mediaPlan: { address: 'local:', token: 'nobody-listens' },
    }),
  )
  t.equal(report.status, 0, report.statusText)
  t.same(
    world.agent.delivered.map(({ streamOffset, bytes }) => ({ offset: streamOffset, bytes })),
    ranges,
  )
  const bytes = ranges.reduce((sum, range) => sum + range.bytes, 0)
  t.match(
    world.lines.find(({ step }) => step?.number === 6),
    { text: `child session and media reader are started: 2 entries, ${bytes} bytes of 1 image` },
  )
  await world.server.stop()
})

t.test('a restore sends the members wanted, in runs, and nothing else', async (t) => {
  const { world, copy } = await backedUp(t.testdir())
  const report = await restore(world, copy, [0, 1, 4, 6])
  t.equal(report.status, 0, report.statusText)
  const delivered = world.agent.delivered
  const expected = [
    { from: 0, to: 1 },
    { from: 4, to: 4 },
    { from: 6, to: 6 },
  ].map(({ from, to }) => {
    const first = image.records[from]
    const last = image.records[to]
    if (first === undefined || last === undefined) throw new Error('no such record')
    return { start: first.memberOffset, end: last.memberOffset + last.memberBytes }
  })
  t.same(
    delivered.map(({ imageIndex, streamOffset, bytes }) => [imageIndex, streamOffset, streamOffset + bytes]),
    expected.map(({ start, end }) => [0, start, end]),
  )
  for (const { streamOffset, content } of delivered)
    t.ok(content.equals(image.stream.subarray(streamOffset, streamOffset + content.length)))
  t.same(
    world.lines.flatMap(({ step }) => (step === undefined ? [] : [step.number])),
    [6, 7, 8, 12, 12, 13, 14, 15],
  )
  await world.server.stop()
  t.same(world.reports.at(-1), report)
  t.equal(world.clock.pendingTimers, 0)
})

t.test('a group of a restore counts on from what those before it have restored', async (t) => {
  const { world, copy } = await backedUp(t.testdir())
  const spec = await world.restoreSpec([copy], image.records.slice(0, 2))
  const restoredBefore = { files: 7, bytes: 1000 }
  world.progress.length = 0
  const { restored } = await world.report(await world.server.startRestore({ ...spec, restoredBefore }))
  t.ok(restored !== undefined && restored.entries > 0)
  t.match(world.progress.at(-1), {
    files: 7 + (restored?.entries ?? 0),
    bytes: 1000 + (restored?.bytes ?? 0),
  })
  t.notOk(
    world.progress.some(({ files }) => files < 7),
    'nor does it ever fall back',
  )
  await world.server.stop()
})

t.test('a run that touches all of an image is one range', async (t) => {
  const { world, copy } = await backedUp(t.testdir())
  await restore(world, copy, [0, 1, 2, 3, 4, 5, 6])
  t.equal(world.agent.delivered.length, 1)
  t.ok(world.agent.delivered[0]?.content.equals(image.stream))
  await world.server.stop()
})

t.test('nothing wanted is nothing sent, and a good end', async (t) => {
  const { world, copy } = await backedUp(t.testdir())
  const report = await restore(world, copy, [])
  t.equal(report.status, 0, report.statusText)
  t.same(world.agent.delivered, [])
  await world.server.stop()
})

t.test('a damaged block ends the restore before any of it is delivered', async (t) => {
  const { world, copy } = await backedUp(t.testdir())
  const second = copy.fragments[1]
  if (second === undefined) throw new Error('one fragment only')
  const file = await open(`${world.directory}/web1/${backupId}/1-000002.nbf`, 'r+')
  await file.write(Buffer.from('damage'), 0, 6, HEADER_BYTES + 1000)
  await file.close()
  const report = await restore(world, copy, [0, 1, 2, 3, 4, 5, 6])
  t.equal(report.status, 85, report.statusText)
  t.match(report.error, { code: 'fragment-corrupt', details: { fragment: 2, block: 0 } })
  const bytes = world.agent.delivered.reduce((sum, { content }) => sum + content.length, 0)
  t.ok(bytes <= second.streamOffset, `${bytes} bytes were delivered`)
  await world.server.stop()
  t.equal(world.agent.living, 0)
})

const failures: readonly {
  readonly name: string
  readonly status: number
  readonly prepare: (world: World) => void
}[] = [
  {
    name: 'step 7: the medium is denied',
    status: 2001,
    prepare: (world) => (world.grants = 'denies'),
  },
  {
    name: 'step 8: the client cannot be reached',
    status: 58,
    prepare: ({ agent }) =>
      (agent.script = { unreachable: new NbError('client-unreachable', 'no agent there') }),
  },
  {
    name: 'step 14: the client fails',
    status: 5,
    prepare: ({ agent }) => {
      const error = new NbError('target-exists', 'a file is there')
      agent.script = { failAfter: { bytes: 100_000, error } }
    },
  },
  {
    name: 'step 15: the client did not bring all back',
    status: 5,
    prepare: ({ agent }) => (agent.script = { tells: { status: 5 } }),
  },
]

for (const { name, status, prepare } of failures) {
  t.test(`failure at ${name}`, async (t) => {
    const { world, copy } = await backedUp(t.testdir())
    prepare(world)
    const report = await restore(world, copy, [0, 4])
    t.equal(report.status, status, report.statusText)
    await world.server.stop()
    if (name.startsWith('step 14'))
      t.ok((world.progress.at(-1)?.bytes ?? 0) >= 100_000, 'what the client had done by then is told')
    t.equal(world.reports.length, 2, 'one report a session')
    t.equal(world.agent.living, 0)
    t.equal(world.clock.pendingTimers, 0)
    t.match(world.lines.at(-1), { severity: 'error', step: { flow: 'restore', number: 15 } })
  })
}

t.test('a client that does not come means no medium is asked for', async (t) => {
  const { world, copy } = await backedUp(t.testdir())
  world.agent.script = { unreachable: new NbError('client-unreachable', 'no agent there') }
  const before = world.requests.length
  await restore(world, copy, [0])
  t.equal(world.requests.length, before)
  await world.server.stop()
})

t.test('a plan that is damaged restores nothing', async (t) => {
  const { world, copy } = await backedUp(t.testdir())
  const spec = await world.restoreSpec(
    [copy],
    image.records.map((record) => ({ ...record, memberOffset: 2 ** 40 })),
  )
  const report = await world.report(await world.server.startRestore(spec))
  t.match(report.error, { code: 'fragment-missing' })
  t.equal(report.status, 165)
  await world.server.stop()
})
