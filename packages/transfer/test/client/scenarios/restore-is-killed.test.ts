import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type JobLogLine, systemClock } from '@nb/contracts'
import { createLocalChannels } from '@nb/remote'
import t from 'tap'
import { createClientAgent } from '../../../src/client/client-agent.ts'
import type { ExtractorMoment } from '../../../src/client/extractor/extractor.ts'
import { TEMPORARY_PREFIX } from '../../../src/client/extractor/temporary-name.ts'
import { UNFINISHED_FILE_MODE } from '../../../src/client/extractor/unfinished-file.ts'
import { compareTrees } from '../compare-trees.ts'
import { extractInThread, planFor } from '../extract-in-thread.ts'
import { freshDirectory } from '../fresh-directory.ts'
import { readInThread } from '../read-in-thread.ts'

const child = fileURLToPath(new URL('../killed-restore-child.ts', import.meta.url))
const unfinishedMode = 0o1700

/** A tree, and a restore of it that was killed at a moment of one of its files. */
function killedAt(
  t: { teardown(action: () => void): void },
  moment: ExtractorMoment,
  path: string,
  prepare: (target: string) => void = () => undefined,
) {
  const directory = freshDirectory(t)
  const [source, target, notes] = ['source', 'target', 'notes'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ]
  for (const name of ['a', 'd', 'd/e']) mkdirSync(join(source, name), { recursive: true })
  for (const name of ['a/1', 'a/2', 'd/1', 'd/e/1', 'd/e/2', 'd/z'])
    writeFileSync(join(source, name), name.repeat(1000))
  symlinkSync('z', join(source, 'd/link'))
  chmodSync(join(source, 'a'), 0o755)
  chmodSync(join(source, 'd'), 0o2775)
  chmodSync(join(source, 'd/e'), 0o1777)
  for (const name of ['d/e', 'd', 'a', '.']) utimesSync(join(source, name), 1_000_000, 1_000_000)
  prepare(target)
  const { signal, stderr } = spawnSync(
    process.execPath,
    ['--conditions=@nb/source', '--no-warnings', child, source, target, join(notes, 'r.note'), moment, path],
    { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
  )
  if (signal !== 'SIGKILL') throw new Error(`it was not killed: ${stderr}`)
  /** What the start of an agent on the notes says. */
  const start = async (): Promise<readonly JobLogLine[]> => {
    const lines: JobLogLine[] = []
    const clock = systemClock()
    const log = {
      append: async (input: { readonly jobId: string; readonly lines: readonly JobLogLine[] }) => {
        if (input.jobId === '8') lines.push(...input.lines)
      },
    }
    const agent = createClientAgent(
      { channels: createLocalChannels({ clock }), clock, log },
      { restoreNotes: notes },
    )
    await agent.start()
    await agent.stop()
    return lines
  }
  const again = (ifExists: 'skip' | 'overwrite' = 'skip') => {
    const { records, archive } = readInThread([source])
    return extractInThread(target, planFor(records, source), [archive], { ifExists })
  }
  return { source, target, notes, start, again }
}

/** What is unfinished: entries under temporary names, and files whose mode says so. */
function temporaries(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true }) as string[]
  return names.filter(
    (name) => name.includes(TEMPORARY_PREFIX) || mode(join(directory, name)) === UNFINISHED_FILE_MODE,
  )
}

const mode = (path: string): number => lstatSync(path).mode & 0o7777

for (const [moment, path, left] of [
  ['directory-opened', '/a/1', 0],
  ['file-created', '/d/e/1', 1],
  ['data-written', '/d/z', 1],
  ['installed', '/d/link', 0],
] as const) {
  t.test(
    `killed at ${moment} of ${path}: the next start removes what was unfinished, the next restore ends right`,
    async (t) => {
      const { source, target, notes, start, again } = killedAt(t, moment, path)
      t.equal(temporaries(target).length, left)
      t.equal(mode(join(target, 'd')) & 0o1777, unfinishedMode, 'nobody else enters what is unfinished')
      const lines = await start()
      t.strictSame(temporaries(target), [])
      t.equal(lines.length, 1)
      t.match(
        lines[0],
        left === 0
          ? { severity: 'info', text: /it left no unfinished file/ }
          : { severity: 'info', text: new RegExp(`removed 1 unfinished file: .*/target${path}`) },
      )
      t.strictSame(readdirSync(notes), [], 'it is not told twice')
      const { totals, warnings } = again()
      t.strictSame(warnings, [])
      t.equal(totals.failed, 0)
      t.strictSame(compareTrees(source, target), [], 'with skip: contents, modes and times as they were')
    },
  )
}

t.test('a file that a killed restore was writing is no file that skip skips, swept or not', async (t) => {
  for (const moment of ['file-created', 'data-written'] as const) {
    const { source, target, again } = killedAt(t, moment, '/d/e/1')
    t.strictSame(temporaries(target), ['d/e/1'], 'it has its name, and its mode says what it is')
    const { totals, warnings } = again('skip')
    t.strictSame(warnings, [])
    t.equal(totals.failed, 0)
    t.strictSame(compareTrees(source, target), [])
  }
})

t.test('a mode as of an unfinished file means nothing in a directory that is finished', async (t) => {
  const { target, start, again } = killedAt(t, 'data-written', '/d/e/1', (target) => {
    mkdirSync(join(target, 'd'), { recursive: true })
    writeFileSync(join(target, 'd/z'), 'mine')
    chmodSync(join(target, 'd/z'), UNFINISHED_FILE_MODE)
    chmodSync(join(target, 'd'), 0o755)
  })
  await start()
  again('skip')
  t.strictSame(temporaries(target), ['d/z'])
  t.equal(lstatSync(join(target, 'd/z')).size, 4)
})

t.test('what was there before the restore that was killed stays as it is', async (t) => {
  const { target, start, again } = killedAt(t, 'data-written', '/d/z', (target) => {
    mkdirSync(join(target, 'a'), { recursive: true })
    chmodSync(join(target, 'a'), 0o711)
    mkdirSync(join(target, 'd'))
    chmodSync(join(target, 'd'), 0o700)
    writeFileSync(join(target, 'd', `${TEMPORARY_PREFIX}of-another`), 'a restore that lives')
    writeFileSync(join(target, 'd/e'), 'no directory')
  })
  await start()
  t.strictSame(temporaries(target), [join('d', `${TEMPORARY_PREFIX}of-another`)])
  again()
  t.equal(mode(join(target, 'a')), 0o711)
  t.equal(mode(join(target, 'd')), 0o700, 'closed, but not marked: it is none that a restore has made')
})

t.test(
  'a directory that only leads to what was restored is closed at the end, without the mark',
  async (t) => {
    const { source, target, start } = killedAt(t, 'data-written', '/d/e/1')
    await start()
    const { records, archive } = readInThread([source])
    const plan = planFor(records, source).filter(({ path }) => path.toString() === '/d/e/2')
    extractInThread(target, plan, [archive], { ifExists: 'skip' })
    t.equal(mode(join(target, 'd')) & 0o1777, 0o700)
    t.equal(mode(join(target, 'd/e')) & 0o1777, 0o700)
    t.equal(mode(join(target, 'a')), unfinishedMode, 'it lay not on the way')
  },
)

t.test('no link is followed to what a killed restore has left', async (t) => {
  const { target, start } = killedAt(t, 'data-written', '/d/e/1')
  rmSync(join(target, 'd/e'), { recursive: true })
  const elsewhere = join(target, 'elsewhere')
  mkdirSync(elsewhere)
  const kept = join(elsewhere, '1')
  writeFileSync(kept, 'mine')
  chmodSync(kept, UNFINISHED_FILE_MODE)
  chmodSync(elsewhere, unfinishedMode)
  symlinkSync(elsewhere, join(target, 'd/e'))
  const lines = await start()
  t.ok(existsSync(kept))
  t.match(lines.at(-1), {
    severity: 'warning',
    text: /may be left .*; find .*\/target -name '\.nb-restore-.*\*' -o -type f -perm 1200 shows/,
  })
})

t.test('a target that is gone is no failure', async (t) => {
  const { target, notes, start } = killedAt(t, 'data-written', '/d/z')
  rmSync(target, { recursive: true })
  t.match(await start(), [{ text: /it left no unfinished file/ }])
  t.strictSame(readdirSync(notes), [])
})
