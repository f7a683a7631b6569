import {
  type BackupSessionSpec,
  type CopyInBackup,
  type FragmentWriter,
  type ImageCopy,
  type MediaNeed,
  type MediaStore,
  type MountedMedium,
  NbError,
  type StoredImage,
} from '@nb/contracts'
import t from 'tap'
import { filesOf, makeImage } from '../made-image.ts'
import { type World, backupId, createWorld } from '../world.ts'

const image = makeImage(backupId, filesOf([300_000, 0, 511, 512, 1_200_000, 4, 70_000, 900_000]))
const asIs = (store: MediaStore): MediaStore => store

function specOf(world: World, onFailure: readonly CopyInBackup['onFailure'][]): BackupSessionSpec {
  const spec = world.backupSpec()
  const need = spec.need as Extract<MediaNeed, { kind: 'write' }>
  const further = onFailure.slice(1).map((_, index) => ({
    storage: { kind: 'unit', name: `disk${index + 2}` } as const,
    volumePool: 'none',
    retentionLevel: 0,
  }))
  const copies = onFailure.map((each, index) => ({
    copy: index + 1,
    onFailure: each,
    expiresAt: 1000 + index,
  }))
  return { ...spec, need: { ...need, further }, copies }
}

/** A store whose fragments take so many writes and then fail, or whose writes are slow. */
function failing(writes: number, error: NbError): (store: MediaStore) => MediaStore {
  let left = writes
  const check = (): void => {
    left -= 1
    if (left < 0) throw error
  }
  return (store) =>
    withWrites(store, async (writer, chunk) => {
      check()
      await writer.write(chunk)
    })
}

function withWrites(
  store: MediaStore,
  write: (writer: FragmentWriter, chunk: Uint8Array) => Promise<void>,
): MediaStore {
  return {
    storageUnit: store.storageUnit,
    storedImages: (options) => store.storedImages(options),
    removeImage: (input) => store.removeImage(input),
    mount: async (input) => {
      const medium = await store.mount(input)
      const wrapped: MountedMedium = {
        openFragment: (each) => medium.openFragment(each),
        describeFragment: (each) => medium.describeFragment(each),
        unmount: () => medium.unmount(),
        createFragment: async (each) => {
          const writer = await medium.createFragment(each)
          return {
            write: (chunk) => write(writer, chunk),
            commit: (trailer) => writer.commit(trailer),
            discard: () => writer.discard(),
            writeFrame: (frame) => writer.writeFrame(frame),
            get storedBytes() {
              return writer.storedBytes
            },
            get streamBytes() {
              return writer.streamBytes
            },
          }
        },
      }
      return wrapped
    },
  }
}

async function storedOn(store: MediaStore | undefined): Promise<StoredImage[]> {
  const found: StoredImage[] = []
  if (store !== undefined) for await (const stored of store.storedImages()) found.push(stored)
  return found
}

async function readCopy(store: MediaStore, copy: ImageCopy): Promise<Buffer> {
  const { storageUnit } = copy
  const medium = { kind: 'disk', maxFragmentBytes: 1 } as const
  const place = {
    allocationId: 'a',
    jobId: '3',
    storageUnit,
    mediaServer: 'media1',
    purpose: 'read',
  } as const
  const mounted = await store.mount({ allocation: { ...place, medium, since: 0 }, jobId: '3' })
  const chunks: Buffer[] = []
  for (const fragment of copy.fragments) {
    const reader = await mounted.openFragment({ backupId, copy: copy.copy, fragment })
    for await (const chunk of reader.read({ offset: 0, bytes: fragment.streamBytes }))
      chunks.push(Buffer.from(chunk))
    await reader.close()
  }
  await mounted.unmount()
  return Buffer.concat(chunks)
}

async function listOf(store: MediaStore, copy: ImageCopy): Promise<number> {
  const { storageUnit } = copy
  const medium = { kind: 'disk', maxFragmentBytes: 1 } as const
  const place = {
    allocationId: 'a',
    jobId: '3',
    storageUnit,
    mediaServer: 'media1',
    purpose: 'read',
  } as const
  const mounted = await store.mount({ allocation: { ...place, medium, since: 0 }, jobId: '3' })
  let bytes = 0
  for (const { number } of copy.fragments) {
    const found = await mounted.describeFragment({ backupId, copy: copy.copy, number })
    for await (const chunk of found?.readFileList() ?? []) bytes += chunk.length
    await found?.close()
  }
  await mounted.unmount()
  return bytes
}

async function run(
  test: Pick<typeof t, 'testdir'>,
  further: Record<string, (store: MediaStore) => MediaStore>,
  onFailure: readonly CopyInBackup['onFailure'][],
) {
  const world = await createWorld(test.testdir(), { furtherUnits: further })
  world.agent.script = { image }
  const session = await world.server.startBackup(specOf(world, onFailure))
  return { world, report: await world.report(session) }
}

t.test(
  'each copy is whole on its own disk, with its own expiration and the list in its trailers',
  async (t) => {
    const { world, report } = await run(t, { disk2: asIs, disk3: asIs }, ['continue', 'continue', 'continue'])
    t.equal(report.status, 0, report.statusText)
    const copies = report.written?.copies ?? []
    t.match(copies, [
      { copy: 1, storageUnit: 'disk1', expiresAt: 1000 },
      { copy: 2, storageUnit: 'disk2', expiresAt: 1001 },
      { copy: 3, storageUnit: 'disk3', expiresAt: 1002 },
    ])
    const lists: number[] = []
    for (const [index, store] of [world.store, ...Object.values(world.further)].entries()) {
      const copy = copies[index] as ImageCopy
      t.ok((await readCopy(store, copy)).equals(image.stream), `copy ${copy.copy}`)
      lists.push(await listOf(store, copy))
    }
    t.equal(new Set(lists).size, 1)
    t.match(
      world.lines.map(({ text }) => text).join('\n'),
      /asked for media and was granted disk storage unit disk1 and disk storage unit disk2 and disk storage unit disk3/,
    )
  },
)

t.test('a copy that fails and may is left out; the job ends with 1 and says which is missing', async (t) => {
  const full = new NbError('disk-full', 'disk2 is full', { status: 129 })
  const { world, report } = await run(t, { disk2: failing(3, full) }, ['failAllCopies', 'continue'])
  t.match(report, {
    status: 1,
    warnings: 1,
    statusText: 'copy 2 on storage unit disk2 is missing: disk2 is full',
    written: { copies: [{ copy: 1 }] },
  })
  t.equal(report.written?.copies.length, 1)
  t.ok((await readCopy(world.store, report.written?.copies[0] as ImageCopy)).equals(image.stream))
  t.same(await storedOn(world.further['disk2']), [], 'nothing of it stays')
  t.match(
    world.lines.find(({ severity }) => severity === 'warning')?.text,
    /copy 2 on storage unit disk2 has failed, the backup goes on without it: disk2 is full/,
  )
})

t.test('the first copy may be the one that is left out: the second is the primary then', async (t) => {
  const broken = new NbError('media-write-failed', 'disk1 is broken')
  const world = await createWorld(t.testdir(), {
    furtherUnits: { disk2: asIs },
    wrapStore: failing(2, broken),
  })
  world.agent.script = { image }
  const report = await world.report(await world.server.startBackup(specOf(world, ['continue', 'continue'])))
  t.match(report, { status: 1, written: { copies: [{ copy: 2, storageUnit: 'disk2' }] } })
  t.ok(
    (await readCopy(world.further['disk2'] as MediaStore, report.written?.copies[0] as ImageCopy)).equals(
      image.stream,
    ),
  )
  t.same(await storedOn(world.store), [])
})

t.test('a copy without which the others are not wanted fails all of them', async (t) => {
  const broken = new NbError('media-write-failed', 'disk2 is broken')
  const { world, report } = await run(t, { disk2: failing(3, broken) }, ['continue', 'failAllCopies'])
  t.match(report, { status: 84, statusText: 'disk2 is broken', written: undefined })
  for (const store of [world.store, world.further['disk2']]) t.same(await storedOn(store), [])
})

t.test('where no copy is left the backup has failed', async (t) => {
  const broken = (name: string) => failing(3, new NbError('media-write-failed', `${name} is broken`))
  const world = await createWorld(t.testdir(), {
    furtherUnits: { disk2: broken('disk2') },
    wrapStore: broken('disk1'),
  })
  world.agent.script = { image }
  const report = await world.report(await world.server.startBackup(specOf(world, ['continue', 'continue'])))
  t.match(report, { status: 84, statusText: /is broken/ })
  for (const store of [world.store, world.further['disk2']]) t.same(await storedOn(store), [])
})

t.test('the slowest copy sets the pace: the client is never further ahead than the buffer', async (t) => {
  const world = await createWorld(t.testdir(), {
    blockBytes: 65_536,
    bufferBlocks: 4,
    furtherUnits: {
      disk2: (store) =>
        withWrites(store, async (writer, chunk) => {
          await writer.write(chunk)
          slow += chunk.length
          for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
          ahead = Math.max(ahead, world.agent.sentBytes - slow)
        }),
    },
  })
  let slow = 0
  let ahead = 0
  world.agent.script = { image, chunkBytes: 16_384 }
  const report = await world.report(await world.server.startBackup(specOf(world, ['continue', 'continue'])))
  t.equal(report.status, 0, report.statusText)
  t.equal(slow, image.stream.length)
  t.ok(ahead <= 4 * 65_536 + 3 * 65_536, `${ahead} bytes ahead`)
})
