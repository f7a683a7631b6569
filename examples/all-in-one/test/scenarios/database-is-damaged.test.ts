import {
  cpSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { collect } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { boot } from '../support/boot.ts'
import { runExample, scratch } from '../support/run-example.ts'
import { assertSound, backUp, restoreTo, snapshotTree } from '../support/site.ts'

t.setTimeout(110_000)

/** A state with a full and an incremental image; gives the trees they must restore to. */
async function makeState(root: string): Promise<ReadonlyMap<string, string>> {
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  const snapshots = new Map<string, string>()
  mkdirSync(source)
  const server = await boot(state)
  for (const schedule of ['full', 'incr'] as const) {
    for (const name of ['a', 'b']) writeFileSync(join(source, `${schedule}-${name}`), `${schedule} ${name}`)
    const job = await backUp(server, source, schedule)
    const snapshot = join(root, `snapshot-${schedule}`)
    snapshotTree(source, snapshot)
    snapshots.set(job.backupId as string, snapshot)
  }
  await server.stop()
  // What was in the log goes into tables when it is opened again.
  await (await boot(state)).stop()
  return snapshots
}

/** Everything is there as it was, and new backups go on from it. */
async function assertAllThere(t: Test, root: string, snapshots: ReadonlyMap<string, string>): Promise<void> {
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  const server = await boot(state)
  try {
    await assertSound(server, source, { snapshots, reported: [...snapshots.keys()], scratch: root })
    const next = await backUp(server, source, 'incr')
    t.equal(next.status, 0, next.statusText ?? '')
    const image = await server.ports.catalog.getImage({ backupId: next.backupId as string })
    t.ok(snapshots.has(image?.referenceId ?? ''), 'an incremental is compared with an image from before')
    const restored = await restoreTo(server, source, next.backupId as string, join(root, 'next'))
    t.equal(restored.status, 0, restored.statusText ?? '')
    await assertSound(server, source, { snapshots, reported: [...snapshots.keys()], scratch: root })
    t.equal((await collect(server.ports.catalog.listImages({}))).length, snapshots.size + 1)
  } finally {
    await server.stop()
  }
}

const tables = (database: string): string[] => {
  const found = readdirSync(database).filter((name) => name.endsWith('.ldb'))
  t.ok(found.length > 0, 'there are tables to damage')
  return found
}

const damages: Record<string, (database: string) => void> = {
  'its list of files is gone': (database) => rmSync(join(database, 'CURRENT')),
  'its list of files names nothing': (database) => writeFileSync(join(database, 'CURRENT'), 'MANIFEST-9\n'),
  'its manifest is cut off': (database) => {
    const manifest = readdirSync(database).find((name) => name.startsWith('MANIFEST')) ?? ''
    truncateSync(join(database, manifest), 10)
  },
  'its tables are gone': (database) => {
    for (const name of tables(database)) rmSync(join(database, name))
  },
  'its tables are cut in half': (database) => {
    for (const name of tables(database))
      truncateSync(join(database, name), Math.floor(statSync(join(database, name)).size / 2))
  },
  'its tables have garbled bytes': (database) => {
    for (const name of tables(database)) {
      const bytes = readFileSync(join(database, name))
      for (let at = 100; at < bytes.length - 100; at += 50) bytes[at] = (bytes[at] ?? 0) ^ 0x55
      writeFileSync(join(database, name), bytes)
    }
  },
  'its files are full of something else': (database) => {
    for (const name of readdirSync(database)) {
      const path = join(database, name)
      if (name !== 'LOCK') writeFileSync(path, Buffer.alloc(readFileSync(path).length, 'garbage '))
    }
  },
}

t.test(
  'a damaged database is refused with what to do; when it is moved away, everything is there',
  async (t) => {
    const root = scratch('database')
    t.teardown(() => rmSync(root, { recursive: true }))
    const [source, state] = [join(root, 'source'), join(root, 'state')]
    const [database, sound] = [join(state, 'database'), join(root, 'sound')]
    const snapshots = await makeState(root)
    cpSync(database, sound, { recursive: true })
    const args = ['--once', '--state', state, '--source', source, '--restore-to', join(root, 'x')]
    for (const [what, damage] of Object.entries(damages)) {
      rmSync(database, { recursive: true })
      cpSync(sound, database, { recursive: true })
      damage(database)
      const { code, stdout, stderr } = await runExample(...args)
      t.equal(code, 1, `${what}: ${stdout}`)
      t.match(
        stderr,
        /status 220: the database in .* is damaged .*: move that folder away and start again/,
        what,
      )
      t.notMatch(stderr, /\n {4}at /, 'no stack trace')
    }
    renameSync(database, `${database}.damaged`)
    await assertAllThere(t, root, snapshots)
  },
)
