import {
  type MediaRequest,
  type MediaServer,
  type MediaStore,
  NbError,
  type SessionReport,
  readChannel,
} from '@nb/contracts'
import { type WireTwin, createWireTwin } from '@nb/remote'
import type { MediaServerFixture } from '@nb/test-kit'
import { filesOf, makeImage } from './made-image.ts'
import { type World, allocationOf, createWorld, offer, storageUnit } from './world.ts'

/** What the suites of media servers work on. */
export interface Suited extends MediaServerFixture {
  readonly world: World
  readonly twin: WireTwin<{ readonly mediaServer: MediaServer }> | undefined
}

/** Volumes on which images go instead of on a disk. */
export interface SuitedVolumes {
  readonly store: MediaStore
  readonly volumeIds: readonly string[]
  readonly drive: string
}

/** @param tapes - each write is granted the next of its volumes */
export async function setup(root: string, wired: boolean, tapes?: SuitedVolumes): Promise<Suited> {
  const world = await createWorld(root, {
    overTls: wired,
    ...(tapes === undefined ? {} : { wrapStore: () => tapes.store }),
  })
  world.grants = 'holds'
  const twin = wired ? await createWireTwin({ mediaServer: world.server }) : undefined
  let jobs = 0
  let taken = 0
  let volumes = 0
  const images = new Map<string, ReturnType<typeof makeImage>>()
  const unreadable = new NbError('source-unreadable', 'no rights')
  return {
    world,
    twin,
    server: twin?.ports.mediaServer ?? world.server,
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
      if (tapes === undefined) return { granted: true, allocation }
      const volumeId = need.kind === 'write' ? (tapes.volumeIds[volumes++] ?? '') : (need.volumeId ?? '')
      const medium = {
        kind: 'tape',
        maxFragmentBytes: 2 ** 30,
        drive: tapes.drive,
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

/** Ends it. */
export const teardown = async (fixture: MediaServerFixture): Promise<void> => {
  const { world, twin } = fixture as Suited
  await world.end()
  await twin?.close()
}
