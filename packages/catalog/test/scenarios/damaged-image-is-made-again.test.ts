import assert from 'node:assert/strict'
import type { Catalog, DataChannels, ImageRecord, Json, Store } from '@nb/contracts'
import { createLocalChannels } from '@nb/remote'
import {
  backUp,
  collect,
  createPowerLossStorage,
  createVirtualClock,
  type PowerLossStorage,
  type SampleBackup,
  type SampleEntry,
  sendList,
  takeBytes,
} from '@nb/test-kit'
import t from 'tap'
import { createCatalog, type LocalCatalog } from '../../src/index.ts'

const directory = '/catalog/images'
const tree: SampleEntry[] = [{ path: '/data', kind: 'directory' }, { path: '/data/a' }, { path: '/data/b' }]
const plain = (image: object): Json => JSON.parse(JSON.stringify(image)) as Json

interface Place {
  readonly storage: PowerLossStorage
  readonly channels: DataChannels
}

async function opened({ storage, channels }: Place): Promise<LocalCatalog> {
  const store = storage.database('catalog') as unknown as Store
  const clock = createVirtualClock()
  const catalog = createCatalog({ store, files: storage.files, channels, clock }, { directory })
  await catalog.start()
  return catalog
}

type Damage = (storage: PowerLossStorage, folder: string) => Promise<void>

async function flip(storage: PowerLossStorage, path: string): Promise<void> {
  const content = await storage.files.readFile(path)
  assert.ok(content !== undefined)
  const file = await storage.files.open(path, 'update')
  const at = Math.floor(content.length / 2)
  await file.write(Buffer.from([(content[at] ?? 0) ^ 1]), at)
  await file.sync()
  await file.close()
}

async function removed(storage: PowerLossStorage, folder: string, ...names: string[]): Promise<void> {
  for (const name of names) await storage.files.remove(`${folder}/${name}`)
  await storage.files.syncDirectory(folder)
}

const damages: Readonly<Record<string, Damage>> = {
  'a header with a flipped byte': (storage, folder) => flip(storage, `${folder}/header.json`),
  'a header that is gone': (storage, folder) => removed(storage, folder, 'header.json'),
  'a file list with a flipped byte': (storage, folder) => flip(storage, `${folder}/files.nbf`),
  'a file list that is gone': (storage, folder) => removed(storage, folder, 'files.nbf'),
  'header and list that are gone': (storage, folder) => removed(storage, folder, 'header.json', 'files.nbf'),
}

/** An image with a second copy elsewhere that the catalog knows, and which is damaged while nothing runs. */
async function damagedImage(place: Place, damage: Damage): Promise<SampleBackup> {
  const catalog = await opened(place)
  const { image, list } = await backUp({ catalog, channels: place.channels }, { entries: tree })
  const [first] = image.copies as readonly [ImageRecord['copies'][number]]
  const copy = { ...first, copy: 2, storageUnit: 'disk2' }
  const both = await catalog.addCopy({ backupId: image.backupId, copy })
  await catalog.stop()
  await damage(place.storage, `${directory}/${image.client}/${image.backupId}`)
  return { image: both, list }
}

/** What an import of the image does, told by the fragments of its first copy. */
async function importAgain(catalog: Catalog, { channels }: Place, made: SampleBackup): Promise<ImageRecord> {
  const { image, list } = made
  const { backupId } = image
  await catalog.importImage({ image: plain(image), jobId: 'import-1', replaceDamaged: true })
  await sendList({ catalog, channels }, backupId, list)
  return catalog.completeImage({ backupId, completion: list.completion })
}

const isSound = async (catalog: Catalog): Promise<boolean> => (await collect(catalog.check({}))).length === 0

async function assertWhole(
  catalog: Catalog,
  { channels }: Place,
  { image, list }: SampleBackup,
): Promise<void> {
  const { client, backupId } = image
  const { ticket } = await catalog.readFileList({ client, backupId })
  assert.ok((await takeBytes(channels, ticket)).equals(list.bytes))
}

function place(faults?: Parameters<typeof createPowerLossStorage>[0]): Place {
  return {
    storage: createPowerLossStorage(faults),
    channels: createLocalChannels({ clock: createVirtualClock() }),
  }
}

for (const [name, damage] of Object.entries(damages)) {
  t.test(`${name}: an import of the image by its name makes it again`, async (t) => {
    for (const moment of ['seen at the start', 'while the server runs']) {
      const here = place()
      let catalog: LocalCatalog
      let made: SampleBackup
      if (moment === 'seen at the start') {
        made = await damagedImage(here, damage)
        catalog = await opened(here)
      } else {
        made = await damagedImage(here, () => Promise.resolve())
        catalog = await opened(here)
        await damage(here.storage, `${directory}/${made.image.client}/${made.image.backupId}`)
      }
      const back = await importAgain(catalog, here, made)
      t.equal(back.state, 'complete', moment)
      t.notOk(back.damaged)
      // The copies that only the catalog knew are known still where it could read them.
      const knewCopies = name.includes('file list')
      t.equal(back.copies.length, knewCopies ? 2 : 1, moment)
      await assertWhole(catalog, here, made)
      t.ok(await isSound(catalog), 'nothing is found any more, without another start')
      const folder = `${directory}/${made.image.client}/${made.image.backupId}`
      t.notMatch(String(await here.storage.files.list(folder)), 'damaged')
      await catalog.stop()
      const next = await opened(here)
      t.same(await next.getImage({ backupId: back.backupId }), back)
      await next.stop()
    }
  })
  t.test(`${name}: an import that fails leaves it as it was`, async (t) => {
    const here = place()
    const made = await damagedImage(here, damage)
    const { backupId, client } = made.image
    const folder = `${directory}/${client}/${backupId}`
    const contents = async (): Promise<unknown> =>
      Promise.all(
        ['header.json', 'files.nbf'].map(async (file) =>
          String(await here.storage.files.readFile(`${folder}/${file}`)),
        ),
      )
    const catalog = await opened(here)
    const before = await contents()
    await catalog.importImage({ image: plain(made.image), jobId: 'i', replaceDamaged: true })
    await sendList({ catalog, channels: here.channels }, backupId, made.list)
    await catalog.discardImage({ backupId, reason: 'the medium can not be read' })
    if (name !== 'a file list that is gone' && name !== 'header and list that are gone')
      t.same(await contents(), before)
    await importAgain(catalog, here, made)
    await assertWhole(catalog, here, made)
    t.ok(await isSound(catalog))
    await catalog.stop()
  })
  t.test(`${name}: the power is lost at any moment of the import`, async (t) => {
    const trial = async (moment: number, seed: number): Promise<number> => {
      let passed = 0
      let counting = false
      const hit = (): boolean => counting && ++passed === moment
      const here = place({ faults: { hit, pending: [], assertAllHit: () => {} }, seed })
      const made = await damagedImage(here, damage)
      const { backupId } = made.image
      const first = await opened(here)
      counting = true
      const back = await importAgain(first, here, made).catch(() => undefined)
      counting = false
      await first.stop().catch(() => undefined)
      if (passed < moment && back !== undefined) return passed
      here.storage.lose()
      here.storage.restore()
      const second = await opened(here)
      // As a start of the server does it with what no job works on.
      for (const image of await collect(second.listImages({ states: ['in-progress'] })))
        await second.discardImage({ backupId: image.backupId, reason: 'no job works on it any more' })
      if (back !== undefined) t.same(await second.getImage({ backupId }), back, 'what was told is true')
      // Never gone in both its forms: it is whole, or it is damaged as before and can be made again.
      const after = await importAgain(second, here, made).catch((error: unknown) => {
        if ((error as { readonly code?: string }).code === 'already-exists') return undefined
        throw error
      })
      if (after === undefined && name.includes('file list'))
        t.equal((await second.getImage({ backupId }))?.copies.length, 2, 'no copy is forgotten')
      if (after !== undefined && name.includes('file list')) t.equal(after.copies.length, 2)
      await assertWhole(second, here, made)
      await second.stop()
      return passed
    }
    const moments = await trial(Infinity, 1)
    for (let moment = 1; moment <= moments; moment++) await trial(moment, moment)
    t.ok(moments > 20, `${moments} moments`)
  })
}

t.test(
  'an image that is sound is never made again, and one of another backup replaces nothing',
  async (t) => {
    const here = place()
    const made = await damagedImage(here, () => Promise.resolve())
    const { backupId, client } = made.image
    const catalog = await opened(here)
    const again = { image: plain(made.image), jobId: 'i', replaceDamaged: true }
    await t.rejects(catalog.importImage(again), { code: 'already-exists' })
    await flip(here.storage, `${directory}/${client}/${backupId}/files.nbf`)
    await t.rejects(catalog.importImage({ image: plain(made.image), jobId: 'i' }), { code: 'already-exists' })
    const other = plain({ ...made.image, policy: 'another' })
    await t.rejects(catalog.importImage({ ...again, image: other }), { code: 'image-inconsistent' })
    t.same((await catalog.getImage({ backupId }))?.copies, made.image.copies)
    await catalog.stop()
  },
)
