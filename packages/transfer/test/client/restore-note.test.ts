import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readRestoreNote, RestoreNote } from '../../src/client/extractor/restore-note.ts'
import { extractInThread, planFor } from './extract-in-thread.ts'
import { freshDirectory } from './fresh-directory.ts'
import { readInThread } from './read-in-thread.ts'

const facts = {
  jobId: '8',
  root: Buffer.from([0x2f, 0xff, 0x0a, 0x22]),
  prefix: '.nb-restore-0123456789abcdef-',
}

t.test('a note tells run, root and directories, whatever bytes are in their names', async (t) => {
  const path = join(freshDirectory(t), 'notes', 'r.note')
  const note = new RestoreNote(path, facts)
  const directories = [Buffer.from('/'), Buffer.from('/a\nb'), Buffer.from([0x2f, 0xc3, 0x28])]
  for (const directory of [...directories, ...directories]) note.enter(directory)
  t.strictSame(readRestoreNote(readFileSync(path, 'utf8')), { ...facts, directories })
  note.remove()
  note.remove()
  t.notOk(existsSync(path))
})

t.test('a note stays small, and always has the present directory', async (t) => {
  const path = join(freshDirectory(t), 'r.note')
  const note = new RestoreNote(path, facts)
  for (let turn = 0; turn < 3000; turn++) {
    const directory = Buffer.from(`/${'x'.repeat(100)}/${turn}`)
    note.enter(directory)
    if (turn % 100 !== 0) continue
    const found = readRestoreNote(readFileSync(path, 'utf8'))
    t.ok(
      found?.directories.some((each) => each.equals(directory)),
      String(turn),
    )
  }
  t.ok(readFileSync(path).length < 70_000)
  note.close()
})

t.test('a note that was being written at the kill', async (t) => {
  const path = join(freshDirectory(t), 'r.note')
  const note = new RestoreNote(path, facts)
  note.enter(Buffer.from('/a'))
  note.enter(Buffer.from('/bcd'))
  note.close()
  const text = readFileSync(path, 'utf8')
  const first = text.indexOf('\n') + 1
  for (let length = 0; length < text.length; length++) {
    const found = readRestoreNote(text.slice(0, length))
    if (length < first) t.equal(found, undefined)
    else t.strictSame(found?.directories, length < text.indexOf('\n', first) + 1 ? [] : [Buffer.from('/a')])
  }
})

t.test('what is no note of a run is refused', async (t) => {
  const line = (changes: object): string =>
    `${JSON.stringify({ note: 'nb-restore', version: 1, ...facts, root: '/x', ...changes })}\n`
  t.ok(readRestoreNote(line({})))
  for (const changes of [
    { version: 2 },
    { note: 'x' },
    { jobId: 7 },
    { prefix: '.nb-restore-' },
    { prefix: '' },
  ])
    t.throws(() => readRestoreNote(line(changes)), SyntaxError)
})

t.test('a restore whose note cannot be written goes on, with a warning', async (t) => {
  const directory = freshDirectory(t)
  const { records, archive } = readInThread([directory])
  writeFileSync(join(directory, 'file'), 'no folder')
  const { totals, warnings } = extractInThread(
    join(directory, 'target'),
    planFor(records, directory),
    [archive],
    {
      note: { path: join(directory, 'file', 'r.note'), jobId: '8' },
    },
  )
  t.match(warnings, [{ code: 'NO_NOTE' }])
  t.match(totals, { entries: 1, warnings: 1 })
})
