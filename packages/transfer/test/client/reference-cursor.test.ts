import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
