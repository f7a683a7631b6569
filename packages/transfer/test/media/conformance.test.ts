import {
  type MediaRequest,
  type MediaServer,
  type MediaStore,
  NbError,
  type SessionReport,
  readChannel,
} from '@nb/contracts'
import { type WireTwin, createWireTwin } from '@nb/remote'
import {
  type MediaServerFixture,
  createVolumeStore,
  mediaServerSpanningSuite,
  mediaServerSuite,
} from '@nb/test-kit'
import t from 'tap'
import { filesOf, makeImage } from './made-image.ts'
import { type World, allocationOf, createWorld, offer, storageUnit } from './world.ts'

interface Suited extends MediaServerFixture {
  readonly world: World
  readonly twin: WireTwin<MediaServer> | undefined
}

/** @param store - on whose volumes the images go. @default a disk */
async function setup(root: string, wired: boolean, store?: MediaStore): Promise<Suited> {
  const world = await createWorld(root, store === undefined ? {} : { wrapStore: () => store })
  world.grants = 'holds'
  const twin = wired ? createWireTwin('mediaServer', world.server) : undefined
  let jobs = 0
  let taken = 0
  let volumes = 0
  const images = new Map<string, ReturnType<typeof makeImage>>()
  const unreadable = new NbError('source-unreadable', 'no rights')
  return {
    world,
    twin,
    server: twin?.port ?? world.server,
    storageUnit,
    backup: async (conduct) => {
      jobs += 1
      const backupId = `web1_${1_767_225_600 + jobs}`
      const image = makeImage(backupId, filesOf([100_000, 0, 700_000]), { standAfter: [1, 2] })
      images.set(backupId, image)
      world.agent.script = {
        image,
        ...(conduct === 'fails' ? { failAfter: { bytes: 200_000, error: unreadable } } : {}),
        ...(conduct === 'waits' ? { silentAfter: 200_000 } : {}),
      }
      return { ...world.backupSpec({ backupId }), jobId: String(jobs) }
    },
    restore: async (report: SessionReport) => {
      jobs += 1
      const copies = report.written?.copies ?? []
      const [id, image] = [...images].at(-1) ?? []
      const spec = await world.restoreSpec(copies, image?.records ?? [])
      const sources = spec.images.map((source) => ({ ...source, backupId: id ?? '' }))
      return { ...spec, jobId: String(jobs), images: sources }
    },
    removal: async (conduct) => {
      jobs += 1
      const backupId = `web1_${1_767_225_600 + jobs}`
      world.images.set(backupId, { ...world.backupSpec({ backupId }).image, state: 'complete' })
      world.agent.script = {
        removed: { removed: 5, kept: conduct === 'keeps' ? 2 : 0 },
        ...(conduct === 'fails' ? { failAfter: { bytes: 0, error: unreadable } } : {}),
        ...(conduct === 'waits' ? { silentAfter: 0 } : {}),
      }
      return { jobId: String(jobs), client: 'web1', backupId }
    },
    nextRequest: async (): Promise<MediaRequest> => {
      for (let turn = 0; turn < 1_000_000; turn++) {
        const request = world.requests[taken]
        if (request !== undefined) {
          taken += 1
          return request
        }
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      throw new Error('no media were asked for')
    },
    grantOf: ({ jobId, need, requestId }) => {
      const allocation = allocationOf(jobId, need.kind, 2 ** 20)
      if (store === undefined) return { granted: true, allocation }
      volumes += need.kind === 'write' ? 1 : 0
      const volumeId = need.kind === 'write' ? `V0000${volumes}` : (need.volumeId ?? '')
      const medium = {
        kind: 'tape',
        maxFragmentBytes: 2 ** 30,
        drive: 'd1',
        volumeId,
        volumePool: 'p',
      } as const
      return { granted: true, allocation: { ...allocation, allocationId: requestId, medium } }
    },
    reports: () => world.reports,
    checkpoints: () => world.checkpoints,
    receiveList: async () => {
      const listener = await world.channels.listen()
      const receive = async (): Promise<Buffer> => {
        const chunks: Buffer[] = []
        const channel = await listener.accept()
        for await (const chunk of readChannel(channel)) chunks.push(Buffer.from(chunk))
        await channel.end()
        return Buffer.concat(chunks)
      }
      return { ticket: listener.ticket, received: receive() }
    },
    fileList: async () => offer(world.channels, [...images.values()].at(-1)?.list ?? Buffer.alloc(0)),
  }
}

const teardown = async (fixture: MediaServerFixture): Promise<void> => {
  const { world, twin } = fixture as Suited
  await world.server.stop()
  await twin?.close()
}

t.test('a media server', async (t) => {
  mediaServerSuite(
    t,
    { setup: () => setup(t.testdir(), false), teardown },
    { checkpoints: true, removals: true, verifies: true },
  )
})

t.test('a media server behind a wire', async (t) => {
  mediaServerSuite(
    t,
    { setup: () => setup(t.testdir(), true), teardown },
    { checkpoints: true, removals: true, verifies: true },
  )
})

for (const wired of [false, true])
  t.test(`a media server on volumes that come to their end${wired ? ', behind a wire' : ''}`, async (t) => {
    const onVolumes = (): Promise<Suited> =>
      setup(
        t.testdir(),
        wired,
        createVolumeStore({ storageUnit, volumeBytes: 400_000, warningBytes: 65_536 }),
      )
    mediaServerSpanningSuite(t, { setup: onVolumes, teardown }, { media: 3 })
  })
