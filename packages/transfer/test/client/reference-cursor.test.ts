import { linkSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileListDecoder, type FileRecord } from '@nb/formats'
import t from 'tap'
import { freshDirectory } from './fresh-directory.ts'
import { readInThread } from './read-in-thread.ts'

t.test('of a tree in which nothing changes for a while nothing is stored again', async (t) => {
  const source = freshDirectory(t)
  // Times over decades, so that their lower halves have every sign.
  for (let folder = 0; folder < 40; folder++) {
    const directory = join(source, `d${folder}`)
    mkdirSync(directory)
    for (let file = 0; file < 40; file++) {
      const path = join(directory, `f${file}`)
      writeFileSync(path, `${folder} ${file}`)
      utimesSync(path, 0, (folder * 40 + file) * 1_234_567.891)
    }
  }
  // Read as if a second later: then no change can have been missed.
  const full = readInThread([source], { laterMs: 1000 })
  const next = readInThread([source], { backupId: 'client_2', reference: full.list })
  t.equal(next.records.length, full.records.length)
  t.equal(next.totals.counts.storedEntries, 0)
  t.ok(next.records.every(({ imageIndex }) => imageIndex === 1))
})

/** Some 3,000 entries in three batches or so: their times have nothing in common. */
function bigTree(source: string): void {
  for (let folder = 0; folder < 30; folder++) {
    const directory = join(source, `d${String(folder).padStart(2, '0')}`)
    mkdirSync(directory)
    for (let file = 0; file < 98; file++) {
      const path = join(directory, `f${String(file).padStart(2, '0')}`)
      writeFileSync(path, '')
      utimesSync(path, 0, ((folder * 98 + file) * 7_654_321.987) % 2e9)
    }
    symlinkSync('f01', join(directory, 's'))
    linkSync(join(directory, 'f00'), join(directory, 't'))
  }
}

function batchesOf(list: Buffer): number {
  let count = 0
  const decoder = new FileListDecoder()
  decoder.push(list, { onBatch: () => void count++ })
  return count
}

t.test('a list says the same whether batches of the reference were passed on or written anew', async (t) => {
  const source = freshDirectory(t)
  bigTree(source)
  const full = readInThread([source], { laterMs: 1000 })
  const batches = batchesOf(full.list)
  t.ok(batches >= 3, `${batches} batches`)
  const same = readInThread([source], { backupId: 'client_2', reference: full.list })
  t.equal(batchesOf(same.list), batches, 'all of them are passed on')
  const edits: readonly ((folder: string) => void)[] = [
    (folder) => writeFileSync(join(folder, 'f50'), 'other'),
    (folder) => rmSync(join(folder, 'f50')),
    (folder) => writeFileSync(join(folder, 'f50x'), ''),
    (folder) => rmSync(join(folder, 'f00')),
    (folder) => linkSync(join(folder, 'f97'), join(folder, 'f98')),
  ]
  // One edit more each time, and each time the list of the time before is what is compared with.
  let before = full
  for (const [index, edit] of [...edits, ...edits.slice(0, 2)].entries()) {
    edit(join(source, `d${String((index * 17) % 30).padStart(2, '0')}`))
    const next = readInThread([source], {
      backupId: `client_${index + 3}`,
      reference: before.list,
      laterMs: 1000,
    })
    const anew = readInThread([source], { laterMs: 1000 })
    t.same(next.records.map(withoutPlace), anew.records.map(withoutPlace), `edit ${index}`)
    t.ok(next.totals.counts.storedEntries > 0 && next.totals.counts.storedEntries < 8)
    t.equal(next.totals.fileList.entries, next.records.length)
    t.equal(next.totals.fileList.bytes, next.list.length)
    const known = new Map(before.records.map((record) => [record.path.toString(), record]))
    for (const record of next.records) {
      if (record.imageIndex === 0) continue
      const { imageIndex, memberOffset, memberBytes } = known.get(record.path.toString()) as FileRecord
      if (record.imageIndex !== imageIndex + 1) t.fail(`${record.path.toString()} is in another image`)
      if (record.memberOffset !== memberOffset || record.memberBytes !== memberBytes)
        t.fail(`${record.path.toString()} is at another place`)
    }
    before = next
  }
})

/** What does not depend on where the data is. */
function withoutPlace(record: FileRecord): object {
  const { imageIndex: _image, memberOffset: _offset, memberBytes: _bytes, ...rest } = record
  return rest
}
