import {
  type Allocation,
  type MediaNeed,
  NbError,
  type ResourceBroker,
  type SessionReport,
} from '@nb/contracts'
import { sampleRestoreSession } from '@nb/test-kit'
import t from 'tap'
import { type Site, driven, logOf, openSite, request } from '../fixture.ts'
import type { VolumeRecords } from '../../src/index.ts'

/** What was told of volumes and asked of the broker, in order. */
interface Tapes {
  readonly site: Site
  readonly told: string[]
  /** The volumes that the next report names, by copy. */
  volumes: readonly string[]
  refuses: boolean
}

/** A manager whose allocations are of volumes A1, A2 … in drive d1. */
async function openTapes(): Promise<Tapes> {
  const told: string[] = []
  let number = 0
  const media: VolumeRecords = {
    assignImage: async ({ volumeId, backupId, retentionLevel, multiplexed }) => {
      if (tapes.refuses) throw new NbError('not-found', `volume ${volumeId} is not known`)
      told.push(
        `${volumeId} has ${backupId} of level ${retentionLevel}${multiplexed === true ? ', shared' : ''}`,
      )
    },
    unassignImage: async ({ backupId, volumeId }) => {
      told.push(`${volumeId ?? 'no volume'} has ${backupId} any more`)
      return { unassigned: [] }
    },
    volumes: async function* () {},
    volumeImages: async function* () {},
    setVolumeState: async ({ volumeId, state }) => void told.push(`${volumeId} is ${state}`),
  }
  const site = await openSite({ media, script: () => ({ durationMs: 60_000 }) })
  const onTape = (allocation: Allocation): Allocation => ({
    ...allocation,
    medium: {
      kind: 'tape',
      maxFragmentBytes: 2 ** 30,
      drive: 'd1',
      volumeId: `A${++number}`,
      volumePool: 'p',
    },
  })
  const broker = site.world.broker as { acquire: ResourceBroker['acquire'] }
  const acquire: ResourceBroker['acquire'] = broker.acquire.bind(broker)
  broker.acquire = async (input, options) => {
    const { need } = input
    told.push(`acquire ${need.replaces === undefined ? 'one' : 'the next'}`)
    const grant = await acquire(input, options)
    return { ...grant, allocation: onTape(grant.allocation) }
  }
  const { manager } = site
  site.world.connect({
    requestMedia: (input) => manager.requestMedia(input),
    progress: (input) => manager.progress(input),
    checkpoint: (input) => manager.checkpoint(input),
    sessionEnded: ({ report }) => manager.sessionEnded({ report: withVolumes(report) }),
  })
  const withVolumes = (report: SessionReport): SessionReport => {
    const { written } = report
    if (written === undefined || tapes.volumes.length === 0) return report
    const fragments = tapes.volumes.map((volumeId, index) => ({
      number: index + 1,
      streamOffset: 0,
      streamBytes: 0,
      wholeMembers: true,
      blockBytes: 512,
      volumeId,
    }))
    return {
      ...report,
      written: { ...written, copies: written.copies.map((copy) => ({ ...copy, fragments })) },
    }
  }
  const tapes: Tapes = { site, told, volumes: [], refuses: false }
  return tapes
}

const need: MediaNeed = {
  kind: 'write',
  storage: { kind: 'any' },
  volumePool: 'NetBackup',
  retentionLevel: 1,
}

async function runningSession({ site }: Tapes, jobId: string) {
  const server = site.world.mediaServers.get('media1')
  await site.clock.advanceUntil(() => server?.live.length === 1)
  const [session] = server?.live ?? []
  return { jobId, sessionId: session?.sessionId ?? '', mediaServer: 'media1' }
}

t.test(
  'the volume that is full has the image and takes no more, before the next one is asked for',
  async (t) => {
    const tapes = await openTapes()
    const { site, told } = tapes
    t.teardown(() => site.stop())
    const { jobId } = await site.manager.submit(request())
    const session = await runningSession(tapes, jobId)
    await site.clock.advanceUntil(() => told.includes('acquire one'))
    const [grant] = site.world.broker.inForce
    const replaces = grant?.allocation.allocationId ?? ''
    await site.manager.requestMedia({ ...session, requestId: '2', need: { ...need, replaces } })
    await site.clock.advanceUntil(() => told.includes('acquire the next'))
    tapes.volumes = ['A1', 'A2', 'A2']
    const job = await driven(site.clock, site.manager.wait({ jobId }))
    t.match(job, { status: 0 })
    const id = job.backupId ?? ''
    t.strictSame(told, [
      'acquire one',
      `A1 has ${id} of level 1`,
      'A1 is full',
      'acquire the next',
      `A1 has ${id} of level 1`,
      `A2 has ${id} of level 1`,
    ])
    t.match(
      (await logOf(site, jobId)).map(({ text }) => text).join('\n'),
      /requesting resource: the next volume of pool NetBackup/,
    )
    t.strictSame(site.world.broker.inForce, [], 'all is given back')
    await site.clock.advance(16 * 86_400_000)
    t.equal(told.at(-1), `no volume has ${id} any more`, 'it leaves its volumes with its fragments')
  },
)

t.test('a backup whose volumes cannot be told has not succeeded', async (t) => {
  const tapes = await openTapes()
  const { site } = tapes
  t.teardown(() => site.stop())
  tapes.refuses = true
  tapes.volumes = ['A1']
  const { jobId } = await site.manager.submit(request())
  const job = await driven(site.clock, site.manager.wait({ jobId }))
  t.not(job.status, 0)
  t.match(job.statusText, /volume A1 is not known/)
  t.strictSame(site.world.catalog.images, [])
})

t.test('a restore gives its volume back before it asks for the next', async (t) => {
  const tapes = await openTapes()
  const { site, told } = tapes
  t.teardown(() => site.stop())
  const { jobId } = await site.manager.register({
    requestId: 'r',
    type: 'restore',
    origin: 'user',
    client: 'web1',
    lines: [],
  })
  const server = site.world.mediaServers.get('media1')
  if (server === undefined) throw new Error('no media server')
  const { sessionId } = await server.startRestore(sampleRestoreSession(jobId))
  await site.clock.advanceUntil(() => site.world.broker.inForce.length === 1)
  const [first] = site.world.broker.inForce
  const replaces = first?.allocation.allocationId ?? ''
  const read = { kind: 'read', storageUnit: 'disk1', replaces } as const
  await site.manager.requestMedia({ jobId, sessionId, mediaServer: 'media1', requestId: '2', need: read })
  await site.clock.advanceUntil(() => told.length === 2)
  await site.clock.advanceUntil(() => site.world.broker.inForce.length === 1)
  t.not(site.world.broker.inForce[0]?.leaseId, first?.leaseId)
  t.strictSame(told, ['acquire one', 'acquire one'], 'the broker is asked for a volume as at first')
})
