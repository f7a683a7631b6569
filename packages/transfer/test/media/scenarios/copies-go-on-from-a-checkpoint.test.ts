import { rmSync } from 'node:fs'
import {
  type BackupCheckpoint,
  type BackupSessionSpec,
  type CopyInBackup,
  type ImageCopy,
  type MediaNeed,
  type MediaStore,
  NbError,
  type StoredImage,
} from '@nb/contracts'
import t from 'tap'
import { freshDirectory } from '../../client/fresh-directory.ts'
import { makeSource, nextTry } from '../resuming.ts'
import { type World, backupId } from '../world.ts'

const both: readonly CopyInBackup[] = [
  { copy: 1, onFailure: 'continue' },
  { copy: 2, onFailure: 'continue' },
]
const asIs = (store: MediaStore): MediaStore => store

/** What the job manager asks for: a storage unit for each copy, or for those of the checkpoint. */
function withCopies(spec: BackupSessionSpec): BackupSessionSpec {
  const { storage: _storage, ...need } = spec.need as Extract<MediaNeed, { kind: 'write' }>
  const units = (spec.resumeFrom?.copies ?? [{ storageUnit: 'disk1' }, { storageUnit: 'disk2' }]).map(
    ({ storageUnit }) => ({ kind: 'unit', name: storageUnit }) as const,
  )
  const further = units.slice(1).map((storage) => ({ storage, volumePool: 'none', retentionLevel: 0 }))
  const storage = units[0] ?? { kind: 'unit', name: 'disk1' }
  return { ...spec, copies: both, need: { ...need, storage, ...(further.length > 0 ? { further } : {}) } }
}

function endAt(world: World, number: number): void {
  world.noting = async (checkpoint) => {
    if (checkpoint.number !== number) return
    const [session] = await world.server.sessions({})
    if (session !== undefined) void world.server.endSession({ ...session, status: 157, reason: 'a test' })
  }
}

async function stored(store: MediaStore | undefined): Promise<StoredImage[]> {
  const found: StoredImage[] = []
  if (store !== undefined) for await (const image of store.storedImages()) found.push(image)
  return found
}

async function streamOf(store: MediaStore, { copy, storageUnit, fragments }: ImageCopy): Promise<Buffer> {
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
  for (const fragment of fragments) {
    const reader = await mounted.openFragment({ backupId, copy, fragment })
    for await (const chunk of reader.read({ offset: 0, bytes: fragment.streamBytes }))
      chunks.push(Buffer.from(chunk))
    await reader.close()
  }
  await mounted.unmount()
  return Buffer.concat(chunks)
}

t.test('both copies go on from the checkpoint that both have', async (t) => {
  const root = freshDirectory(t)
  const source = `${root}/source`
  makeSource(source)
  const first = await nextTry(source, root, { furtherUnits: { disk2: asIs } })
  endAt(first.world, 4)
  const broken = await first.world.report(await first.world.server.startBackup(withCopies(first.spec)))
  t.equal(broken.status, 157)
  const last = first.world.checkpoints.at(-1) as BackupCheckpoint
  t.match(last.copies, [{ copy: 1 }, { copy: 2 }])
  for (const [index, store] of [first.world.store, first.world.further['disk2']].entries())
    t.match(await stored(store), [{ backupId, fragments: last.copies[index]?.fragments.length }])
  await first.stop()

  const { world, spec, stop } = await nextTry(source, root, { after: first.world })
  const report = await world.report(await world.server.startBackup(withCopies(spec)))
  t.equal(report.status, 0, report.statusText)
  const [one, two] = report.written?.copies ?? []
  const stream = await streamOf(world.store, one as ImageCopy)
  t.equal(stream.length, report.written?.counts.streamBytes)
  t.ok(stream.equals(await streamOf(world.further['disk2'] as MediaStore, two as ImageCopy)))
  await stop()
})

t.test('a copy that was left out before the checkpoint is missing in the end', async (t) => {
  const root = freshDirectory(t)
  const source = `${root}/source`
  makeSource(source)
  let fails = false
  const failing = (store: MediaStore): MediaStore => ({
    storageUnit: store.storageUnit,
    storedImages: (options) => store.storedImages(options),
    removeImage: (input) => store.removeImage(input),
    mount: async (input) => {
      const medium = await store.mount(input)
      return {
        openFragment: (each) => medium.openFragment(each),
        describeFragment: (each) => medium.describeFragment(each),
        unmount: () => medium.unmount(),
        createFragment: (each) => {
          if (fails) throw new NbError('media-open-failed', 'disk2 is gone')
          return medium.createFragment(each)
        },
      }
    },
  })
  const first = await nextTry(source, root, { furtherUnits: { disk2: failing } })
  first.world.noting = async ({ number }) => {
    fails = number >= 2
    if (number !== 5) return
    const [session] = await first.world.server.sessions({})
    if (session !== undefined)
      void first.world.server.endSession({ ...session, status: 157, reason: 'a test' })
  }
  t.equal(
    (await first.world.report(await first.world.server.startBackup(withCopies(first.spec)))).status,
    157,
  )
  t.match((first.world.checkpoints.at(-1) as BackupCheckpoint).copies.length, 1)
  t.same(await stored(first.world.further['disk2']), [], 'nothing of it stays')
  await first.stop()

  const { world, spec, stop } = await nextTry(source, root, { after: first.world })
  const report = await world.report(await world.server.startBackup(withCopies(spec)))
  t.match(report, { status: 1, statusText: 'copy 2 is missing: it had failed before the checkpoint' })
  t.equal(report.written?.copies.length, 1)
  await stop()
})

t.test('a copy whose fragments are lost meanwhile is left out, and the other goes on', async (t) => {
  const root = freshDirectory(t)
  const source = `${root}/source`
  makeSource(source)
  const first = await nextTry(source, root, { furtherUnits: { disk2: asIs } })
  endAt(first.world, 4)
  await first.world.report(await first.world.server.startBackup(withCopies(first.spec)))
  await first.stop()
  rmSync(`${first.world.directory}-disk2/web1`, { recursive: true })

  const { world, spec, stop } = await nextTry(source, root, { after: first.world })
  const report = await world.report(await world.server.startBackup(withCopies(spec)))
  t.match(report, {
    status: 1,
    statusText: /copy 2 on storage unit disk2 is missing: The backup cannot go on/,
  })
  t.equal(report.written?.copies.length, 1)
  await stop()
})
