import t from 'tap'
import { EarlyWriteback } from '../src/early-writeback.ts'

interface HeldSync {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Syncs that end when told. */
function heldSyncs(): { readonly file: { sync: () => Promise<void> }; readonly begun: readonly HeldSync[] } {
  const begun: HeldSync[] = []
  const sync = (): Promise<void> => new Promise((resolve, reject) => begun.push({ resolve, reject }))
  return { file: { sync }, begun }
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
}

t.test('a sync is begun after so many bytes, one at a time', async (t) => {
  const { file, begun } = heldSyncs()
  const writeback = new EarlyWriteback(file, 100)
  writeback.wrote(99)
  t.equal(begun.length, 0)
  writeback.wrote(1)
  t.equal(begun.length, 1)
  writeback.wrote(500)
  t.equal(begun.length, 1, 'none while one is running')
  begun[0]?.resolve()
  await turns()
  writeback.wrote(1)
  t.equal(begun.length, 2, 'what was written meanwhile counts')
  begun[1]?.resolve()
  await writeback.settled()
  writeback.wrote(1)
  t.equal(begun.length, 2)
})

t.test('a sync that failed is told by the next write, and by every one after', async (t) => {
  const { file, begun } = heldSyncs()
  const writeback = new EarlyWriteback(file, 100)
  writeback.wrote(100)
  begun[0]?.reject(Object.assign(new Error('input/output error'), { code: 'EIO' }))
  await turns()
  t.throws(() => writeback.wrote(1), { code: 'EIO' })
  t.throws(() => writeback.wrote(1), { code: 'EIO' })
  await t.rejects(writeback.settled(), { code: 'EIO' })
  await writeback.abandoned()
  t.equal(begun.length, 1)
})

t.test('the end waits for the sync that runs', async (t) => {
  const { file, begun } = heldSyncs()
  const writeback = new EarlyWriteback(file, 100)
  writeback.wrote(100)
  let ended = false
  const end = writeback.settled().then(() => (ended = true))
  await turns()
  t.notOk(ended)
  begun[0]?.reject(Object.assign(new Error('input/output error'), { code: 'EIO' }))
  await t.rejects(end, { code: 'EIO' })
})
