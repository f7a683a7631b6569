import { createPowerLossStorage } from '@nb/test-kit'
import { FileListEncoder, type FileRecord } from '@nb/formats'
import t from 'tap'
import { FactsAhead, readListFacts } from '../src/list-facts.ts'

const path = '/list'

/** A list of some 300,000 bytes. */
function list(): Buffer {
  const encoder = new FileListEncoder({ images: ['web1_5', 'web1_4'] })
  const batches = [encoder.header()]
  for (let number = 0; number < 12_000; number++) {
    const batch = encoder.add(record(number))
    if (batch !== undefined) batches.push(batch)
  }
  return Buffer.concat([...batches, encoder.flush() ?? Buffer.alloc(0)])
}

function record(number: number): FileRecord {
  return {
    path: Buffer.from(`/data/file-${String(number).padStart(6, '0')}`),
    kind: 'file',
    mode: 0o644,
    uid: number % 7,
    gid: 1,
    sizeBytes: number,
    mtimeNs: BigInt(number) * 7_777_777_777n,
    ctimeNs: BigInt(number) * 8_888_888_888n,
    identity: { device: 1n, inode: BigInt((number * 7919) % 100_000) },
    linkCount: 1,
    imageIndex: number % 3 === 0 ? 1 : 0,
    memberOffset: number * 512,
    memberBytes: 512,
    flags: 0,
  }
}

t.test('a list that was read while it came tells what one pass over it tells', async (t) => {
  const bytes = list()
  for (const step of [1000, 65_536, 100_001, bytes.length]) {
    const { files } = createPowerLossStorage()
    const file = await files.open(path, 'create')
    const ahead = new FactsAhead(files, path)
    for (let at = 0; at < bytes.length; at += step) {
      await file.write(bytes.subarray(at, at + step), at)
      ahead.follow(Math.min(at + step, bytes.length))
      if (at % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await file.close()
    t.same(await ahead.finish(), await readListFacts(files, path), `in steps of ${step}`)
  }
})

t.test('what is wrong in a list is told at its end, whether it was met before or not', async (t) => {
  const bytes = list()
  for (const at of [1, 50_000, 200_000, bytes.length - 1]) {
    const { files } = createPowerLossStorage()
    const file = await files.open(path, 'create')
    const damaged = Buffer.from(bytes)
    damaged[at] = (damaged[at] ?? 0) ^ 1
    await file.write(damaged, 0)
    await file.close()
    const ahead = new FactsAhead(files, path)
    ahead.follow(bytes.length)
    ahead.follow(bytes.length)
    await t.rejects(ahead.finish(), { code: 'file-list-corrupt' }, `byte ${at}`)
  }
})
