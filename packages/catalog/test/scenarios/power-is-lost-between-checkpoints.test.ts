import assert from 'node:assert/strict'
import type { Catalog, DataChannels, FileListTotals, Store } from '@nb/contracts'
import { decodeFileListHeader, FileListDecoder } from '@nb/formats'
import { createLocalChannels } from '@nb/remote'
import {
  createPowerLossStorage,
  createVirtualClock,
  newImage,
  type PowerLossStorage,
  type SampleEntry,
  sampleList,
  sendBytes,
  takeBytes,
} from '@nb/test-kit'
import t from 'tap'
import { createCatalog, type LocalCatalog } from '../../src/index.ts'

const directory = '/catalog/images'
const tree: SampleEntry[] = [
  { path: '/data', kind: 'directory' },
  ...[...'abcdefgh'].map((name) => ({ path: `/data/${name}-${name.repeat(30)}` })),
]

function open(storage: PowerLossStorage, channels: DataChannels): LocalCatalog {
  const store = storage.database('catalog') as unknown as Store
  const clock = createVirtualClock()
  return createCatalog({ store, files: storage.files, channels, clock }, { directory })
}

interface Told {
  backupId?: string
  /** The last checkpoint that was told to be durable. */
  checkpoint?: FileListTotals
}

function listOf(backupId: string): ReturnType<typeof sampleList> {
  return sampleList(backupId, tree, { batchBytes: 64 })
}

function batchEnds(bytes: Buffer): readonly FileListTotals[] {
  const ends: FileListTotals[] = []
  let entries = 0
  new FileListDecoder().push(bytes, {
    onBatch: ({ offset, byteLength, entryCount }) => {
      entries += entryCount
      ends.push({ bytes: offset + byteLength, batches: ends.length + 1, entries })
    },
  })
  return ends
}

/** A backup that takes a checkpoint after every second batch, and is torn in the one after. */
async function live(catalog: Catalog, channels: DataChannels, told: Told): Promise<void> {
  const { backupId } = await catalog.createImage(newImage())
  told.backupId = backupId
  const { bytes } = listOf(backupId)
  const { ticket } = await catalog.appendFileList({ backupId })
  const channel = await channels.connect({ ticket })
  let sent = 0
  for (const end of batchEnds(bytes)) {
    await channel.write(bytes.subarray(sent, end.bytes))
    sent = end.bytes
    if (end.batches % 2 === 1) continue
    await catalog.syncFileList({ backupId, totals: end })
    told.checkpoint = end
  }
  channel.abort('the client is gone')
}

async function goesOn(catalog: Catalog, channels: DataChannels, told: Told): Promise<void> {
  const { backupId, checkpoint: after } = told
  if (backupId === undefined || after === undefined) return
  const { bytes, completion } = listOf(backupId)
  const { byteLength } = decodeFileListHeader(bytes)
  const { ticket } = await catalog.appendFileList({ backupId, after })
  await sendBytes(
    channels,
    ticket,
    Buffer.concat([bytes.subarray(0, byteLength), bytes.subarray(after.bytes)]),
  )
  await catalog.sealFileList({ backupId, totals: completion.fileList })
  await catalog.completeImage({ backupId, completion })
  const out = await catalog.readFileList({ client: 'web1', backupId })
  assert.ok((await takeBytes(channels, out.ticket)).equals(bytes))
}

async function trial(moment: number, seed?: number): Promise<number> {
  let passed = 0
  const faults = { hit: () => ++passed === moment, pending: [], assertAllHit: () => {} }
  const storage = createPowerLossStorage({ faults, ...(seed === undefined ? {} : { seed }) })
  const channels = createLocalChannels({ clock: createVirtualClock() })
  const told: Told = {}
  const catalog = open(storage, channels)
  try {
    await catalog.start()
    await live(catalog, channels, told)
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error
  }
  const moments = passed
  await catalog.stop().catch(() => undefined)
  storage.lose()
  storage.restore()
  const again = open(storage, channels)
  await again.start()
  await goesOn(again, channels, told)
  await again.stop()
  return moments
}

t.test('a list goes on from the last checkpoint that was told, whenever the power is lost', async (t) => {
  const moments = await trial(Infinity)
  for (let moment = 1; moment <= moments; moment++) {
    for (const seed of [undefined, moment, moment + 1000])
      await trial(moment, seed).catch((error: unknown) => {
        t.comment(`moment ${moment} of ${moments}, seed ${seed}`)
        throw error
      })
  }
  t.ok(moments > 20, `${moments} moments, each with three losses`)
})
