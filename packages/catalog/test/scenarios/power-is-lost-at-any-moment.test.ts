import assert from 'node:assert/strict'
import type { Catalog, DataChannels, ImageRecord, Store } from '@nb/contracts'
import { createLocalChannels } from '@nb/remote'
import {
  backUp,
  collect,
  createPowerLossStorage,
  createVirtualClock,
  newImage,
  type PowerLossStorage,
  recordsOf,
  type SampleBackup,
  type SampleEntry,
  sampleList,
  sendList,
  takeBytes,
} from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createCatalog, type LocalCatalog } from '../../src/index.ts'
import { dump } from '../fixture.ts'

const directory = '/catalog/images'
const tree: SampleEntry[] = [{ path: '/data', kind: 'directory' }, { path: '/data/a' }, { path: '/data/b' }]
const changedTree = tree.map((entry) => (entry.path === '/data/a' ? { ...entry, version: 2 } : entry))

/** What callers have been told, which must hold whatever happens next. */
interface Told {
  /** Completed, and nobody has asked for their end. */
  readonly kept: Map<string, SampleBackup>
  /** All that a list was ever sent for. */
  readonly sent: Map<string, SampleBackup['list']>
  /** All ids that were given. */
  readonly ids: Set<string>
}

/** A life with every kind of change; `told` says at each moment what has been promised. */
async function live(catalog: Catalog, channels: DataChannels, told: Told): Promise<void> {
  const observed: Catalog = {
    ...catalog,
    createImage: async (input) => {
      const image = await catalog.createImage(input)
      assert.ok(!told.ids.has(image.backupId), `${image.backupId} was given twice`)
      told.ids.add(image.backupId)
      return image
    },
    completeImage: async (input) => {
      const image = await catalog.completeImage(input)
      const list = told.sent.get(input.backupId)
      assert.ok(list !== undefined)
      told.kept.set(input.backupId, { image, list })
      return image
    },
  }
  const save = async (entries: readonly SampleEntry[], reference?: SampleBackup): Promise<SampleBackup> => {
    const expected = (image: ImageRecord): SampleBackup['list'] =>
      sampleList(image.backupId, entries, { reference })
    const noting: Catalog = {
      ...observed,
      createImage: async (input) => {
        const image = await observed.createImage(input)
        told.sent.set(image.backupId, expected(image))
        return image
      },
    }
    return backUp(
      { catalog: noting, channels },
      { entries, ...(reference === undefined ? {} : { reference }), expiresAt: 1 },
    )
  }
  const end = (backup: SampleBackup): void => void told.kept.delete(backup.image.backupId)

  const full = await save(tree)
  const second = await save(changedTree, full)
  const givenUp = await observed.createImage(newImage())
  await sendList({ catalog: observed, channels }, givenUp.backupId, sampleList(givenUp.backupId, tree))
  await observed.discardImage({ backupId: givenUp.backupId, reason: 'a test' })
  await observed.forgetImage({ backupId: givenUp.backupId })
  const third = await save(tree)
  end(second)
  await observed.expireImage({ backupId: second.image.backupId })
  await observed.forgetImage({ backupId: second.image.backupId })
  await save(changedTree, third)
  const running = await observed.createImage(newImage({ client: 'web2' }))
  end(full)
  await observed.expireImage({ backupId: full.image.backupId })
  await observed.discardImage({ backupId: running.backupId, reason: 'a test' })
}

function open(
  storage: PowerLossStorage,
  channels: DataChannels,
): { readonly catalog: LocalCatalog; readonly store: Store } {
  const store = storage.database('catalog') as unknown as Store
  const clock = createVirtualClock()
  return { catalog: createCatalog({ store, files: storage.files, channels, clock }, { directory }), store }
}

/** What must hold after any end. */
async function check(storage: PowerLossStorage, channels: DataChannels, told: Told): Promise<void> {
  const { catalog, store } = open(storage, channels)
  const damaged: string[] = []
  catalog.on('image:damaged', ({ message }) => damaged.push(message))
  await catalog.start()
  assert.deepEqual(damaged, [])
  for (const client of await storage.files.list(directory)) {
    for (const folder of await storage.files.list(`${directory}/${client}`)) {
      if (folder === 'sequence.json') continue
      const names = await storage.files.list(`${directory}/${client}/${folder}`)
      assert.ok(names.includes('header.json'), `${folder} is garbage and was not removed`)
    }
  }
  const complete = await collect(catalog.listImages({}))
  for (const { image } of told.kept.values())
    assert.deepEqual(
      complete.find(({ backupId }) => backupId === image.backupId),
      image,
    )
  for (const { backupId, client, neededImages } of complete) {
    const { ticket } = await catalog.readFileList({ client, backupId })
    const bytes = await takeBytes(channels, ticket)
    const sent = told.sent.get(backupId)?.bytes
    assert.ok(sent !== undefined && bytes.equals(sent), `the list of ${backupId} is another`)
    const { images } = recordsOf(bytes)
    for (const needed of neededImages) {
      assert.ok(images.includes(needed))
      assert.ok(
        complete.some((other) => other.backupId === needed),
        `${backupId} lost ${needed}`,
      )
    }
  }
  await assertRebuilt(storage, channels, store)
  const next = await backUp({ catalog, channels }, { entries: tree })
  assert.ok(!told.ids.has(next.image.backupId), `${next.image.backupId} was given twice`)
  await catalog.stop()
}

/** The index that was kept is the one that the headers give. */
async function assertRebuilt(storage: PowerLossStorage, channels: DataChannels, store: Store): Promise<void> {
  const empty: Store = new MemoryLevel<string, string>()
  const rebuilt = createCatalog(
    { store: empty, files: storage.files, channels, clock: createVirtualClock() },
    { directory },
  )
  await rebuilt.start()
  assert.deepEqual(await dump(store), await dump(empty))
  await rebuilt.stop()
}

async function trial(moment: number, how: 'power' | 'kill', seed?: number): Promise<number> {
  let passed = 0
  let ended = false
  const hit = (): boolean => {
    passed += 1
    if (passed < moment || ended) return false
    if (how === 'power') return passed === moment
    throw Object.assign(new Error('killed'), { code: 'EKILLED' })
  }
  const faults = { hit, pending: [], assertAllHit: () => {} }
  const storage = createPowerLossStorage({ faults, ...(seed === undefined ? {} : { seed }) })
  const channels = createLocalChannels({ clock: createVirtualClock() })
  const told: Told = { kept: new Map(), sent: new Map(), ids: new Set() }
  const { catalog } = open(storage, channels)
  let finished = false
  try {
    await catalog.start()
    await live(catalog, channels, told)
    finished = true
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error
  }
  const moments = passed
  ended = true
  // An answer given to everything means that the fault came after the last change.
  if (finished && moment < moments) throw new Error(`nothing noticed that moment ${moment} failed`)
  await catalog.stop().catch(() => undefined)
  if (how === 'power') {
    storage.lose()
    storage.restore()
  }
  await check(storage, channels, told)
  return moments
}

for (const how of ['power', 'kill'] as const) {
  t.test(how === 'power' ? 'the power is lost' : 'the process is killed', async (t) => {
    const moments = await trial(Infinity, how)
    for (let moment = 1; moment <= moments; moment++) {
      const seed = moment % 3 === 0 ? undefined : moment
      try {
        await trial(moment, how, seed)
      } catch (error) {
        t.comment(`moment ${moment} of ${moments}, seed ${seed}`)
        throw error
      }
    }
    t.ok(moments > 100, `${moments} moments, each once`)
  })
}
