import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Job, Volume } from '@nb/contracts'
import {
  type EmulatorFault,
  instantTimings,
  type TapeEmulator,
  type TapeEmulatorOptions,
} from '@nb/media-tape'
import { collect } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import type { BootedServer } from '../support/boot.ts'
import { bootEmulated, emulatedLibrary } from '../support/emulated-library.ts'
import { scratch } from '../support/run-example.ts'
import { restoreTo } from '../support/site.ts'
import { backUpToTape, randomFiles, type SettingsOnTape, tapePolicy } from '../support/tape-site.ts'

t.setTimeout(120_000)
// A server has a socket that keeps its process alive while all that it has is timers.
const alive = setInterval(() => {}, 2 ** 30)
t.teardown(() => clearInterval(alive))

interface Day {
  readonly library: TapeEmulator
  readonly server: BootedServer
  readonly source: string
  readonly root: string
  readonly backUp: () => Promise<Job>
  readonly volumes: () => Promise<readonly Volume[]>
  /** Restores it and compares. */
  readonly isWhole: (job: Job, what: string) => Promise<void>
  readonly textsOf: (job: Job) => Promise<readonly string[]>
}

async function day(
  t: Test,
  options: Partial<TapeEmulatorOptions> = {},
  settings: SettingsOnTape = {},
): Promise<Day> {
  const root = scratch('bad-day')
  const source = join(root, 'source')
  randomFiles(source, 6, 700_000)
  const library = await emulatedLibrary(options)
  const server = await bootEmulated(join(root, 'state'), library, settings)
  t.teardown(() => server.stop())
  let restores = 0
  return {
    library,
    server,
    source,
    root,
    backUp: () => backUpToTape(server, tapePolicy('policy', source)),
    volumes: () => collect(server.ports.media.volumes({})),
    isWhole: async ({ backupId = '' }, what) => {
      const target = join(root, `restored-${(restores += 1)}`)
      const job = await restoreTo(server, source, backupId, target)
      t.equal(job.status, 0, `${what}: ${job.statusText ?? ''}`)
      t.same(compareTrees(source, target), [], `${what}, restored`)
    },
    textsOf: async ({ id }) => (await collect(server.ports.jobs.log({ jobId: id }))).map(({ text }) => text),
  }
}

const fault = (library: TapeEmulator, one: EmulatorFault): void => library.faults.add(one)
const write = { command: 'write-6' } as const

t.test('a bad block while writing: the image is whole', async (t) => {
  const { library, backUp, isWhole, server } = await day(t)
  fault(library, { unit: 'drive1', ...write, effect: 'write-error', occurrence: 12 })
  const job = await backUp()
  t.equal(job.status, 0, job.statusText ?? '')
  t.same(library.faults.pending, [])
  await isWhole(job, 'written around a bad block')
  const errors = await collect(server.ports.media.mediaErrors({}))
  t.match(errors, [{ kind: 'write', drive: 'drive1' }], 'the error is remembered')
})

t.test('a hard end without a warning: the image goes on on the next volume', async (t) => {
  const { library, backUp, isWhole } = await day(t)
  fault(library, { unit: 'drive1', ...write, effect: 'end-of-medium', occurrence: 15 })
  const job = await backUp()
  t.equal(job.status, 0, job.statusText ?? '')
  await isWhole(job, 'cut by a hard end')
})

t.test('a bad block while reading: a clear status, and the volume is told', async (t) => {
  const { library, backUp, server, source, root } = await day(t, {}, { tries: 1 })
  const job = await backUp()
  t.equal(job.status, 0, job.statusText ?? '')
  for (const unit of ['drive1', 'drive2'])
    fault(library, { unit, command: 'read-6', effect: 'read-error', occurrence: 12 })
  const restore = await restoreTo(server, source, job.backupId as string, join(root, 'damaged'))
  t.equal(restore.status, 85, restore.statusText ?? '')
  t.match(restore.statusText, /A0000\d|block/, 'names what could not be read')
  t.match(await collect(server.ports.media.mediaErrors({})), [{ kind: 'read' }])
})

t.test('the third error of a drive in 12 hours takes it down, and its job waits for it', async (t) => {
  const { library, backUp, isWhole, server } = await day(t, { drives: 1 })
  const { jobs, media } = server.ports
  const badBlock = () => fault(library, { unit: 'drive1', ...write, effect: 'write-error', occurrence: 12 })
  for (let error = 1; error < 3; error++) {
    badBlock()
    const job = await backUp()
    t.equal(job.status, 0, job.statusText ?? '')
    t.match(await collect(media.drives({ name: 'drive1' })), [{ state: 'up' }])
  }
  badBlock()
  const third = backUp()
  const isDown = async () => (await collect(media.drives({ name: 'drive1' })))[0]?.state === 'down'
  while (!(await isDown())) await sleep(50)
  const running = await collect(jobs.list({ states: ['active', 'queued'] }))
  const waiting = running.find(({ type }) => type === 'backup')
  const explained = async () => (await server.ports.broker.explain({ jobId: waiting?.id ?? '' })).sentence
  while (!(await explained()).includes('drive1')) await sleep(50)
  t.match(await explained(), /drive drive1/, 'it tells what it waits for')
  await media.forgetErrors({ drive: 'drive1' })
  await media.setDriveState({ name: 'drive1', state: 'up' })
  const job = await third
  t.equal(job.status, 0, job.statusText ?? '')
  await isWhole(job, 'written after three errors')
})

t.test('the robot gets stuck: the job ends when somebody has freed it', async (t) => {
  const { library, backUp, isWhole } = await day(t)
  fault(library, { unit: 'changer', command: 'move-medium', effect: 'robot-jam', occurrence: 1 })
  const running = backUp()
  setTimeout(() => void library.operator.freeRobot(), 500)
  const job = await running
  t.equal(job.status, 0, job.statusText ?? '')
  await isWhole(job, 'after a jam')
})

t.test('a tape in the wrong slot is never written to as another', async (t) => {
  const { library, backUp, volumes, isWhole } = await day(t)
  const first = await backUp()
  t.equal(first.status, 0, first.statusText ?? '')
  await library.operator.swapSlots({ slot: 1, with: 2 })
  const second = await backUp()
  t.equal(second.status, 0, second.statusText ?? '')
  await isWhole(second, 'written after tapes were exchanged')
  t.notOk(
    (await volumes()).some(({ state }) => state === 'frozen'),
    'the robot has looked again, and knows where they are',
  )
  t.comment(
    (await volumes())
      .map(({ volumeId, state, stateReason }) => `${volumeId} ${state} ${stateReason ?? ''}`)
      .join('; '),
  )
})

t.test('foreign tapes are frozen, and the next volume is taken', async (t) => {
  const label = Buffer.from('VOL1SAP001'.padEnd(80))
  const { backUp, volumes, isWhole } = await day(t, {
    volumes: [{ name: 'F00001L8', contents: [label, null] }, 'Z00002L8'],
  })
  const job = await backUp()
  t.equal(job.status, 0, job.statusText ?? '')
  await isWhole(job, 'beside a foreign tape')
  t.match(
    (await volumes()).find(({ volumeId }) => volumeId === 'F00001'),
    { state: 'frozen', stateReason: /not ours/ },
  )
})

t.test(
  'the power goes between data and trailer: the next try is whole, and appends behind what was there',
  async (t) => {
    const { library, backUp, isWhole } = await day(t)
    const first = await backUp()
    t.equal(first.status, 0, first.statusText ?? '')
    fault(library, { unit: 'drive1', command: 'write-filemarks-6', effect: 'power-lost', occurrence: 2 })
    const second = await backUp()
    t.equal(second.status, 0, second.statusText ?? '')
    await isWhole(second, 'after the power was lost')
    await isWhole(first, 'written before it')
  },
)

t.test('a drive asks to be cleaned in the middle of a job: it is, after it', async (t) => {
  const { library, backUp, isWhole } = await day(t, {
    drives: 1,
    timings: { ...instantTimings, cleanMs: 1500 },
    volumes: ['A00001L8', 'A00002L8', { name: 'CLN001L1', kind: 'cleaning', cleanings: 3 }],
  })
  fault(library, { unit: 'drive1', ...write, effect: 'cleaning-needed', occurrence: 10 })
  const job = await backUp()
  t.equal(job.status, 0, job.statusText ?? '')
  await isWhole(job, 'written by a drive that asked to be cleaned')
  t.equal(library.volume('CLN001L1').cleaningsLeft, 2)
})
