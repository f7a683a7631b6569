import type { ArchiveMember, DataRegion } from '@nb/formats'
import t from 'tap'
import { PlainFiles, type PlainFilesParts } from '../../src/client/extractor/plain-files.ts'
import { PlanIndex } from '../../src/client/extractor/plan-index.ts'
import type { DirectoryFacts } from '../../src/client/extractor/target-directories.ts'
import { UNFINISHED_FILE_MODE } from '../../src/client/extractor/unfinished-file.ts'

const usual: ArchiveMember = {
  path: Buffer.from('x'),
  kind: 'file',
  mode: 0o644,
  uid: 7,
  gid: 8,
  sizeBytes: 3,
  mtimeNs: 5_000_000_006n,
  mtime: { seconds: 5, nanos: 6 },
  atime: { seconds: 1, nanos: 2 },
}
const ours: DirectoryFacts = {
  isUnfinished: true,
  creation: { mode: UNFINISHED_FILE_MODE, uid: 7, gid: 8 },
}

/** What is done, told in words; the directory `/d` is open. */
function world(
  settings: {
    readonly facts?: DirectoryFacts
    readonly fd?: number
    readonly givesAcl?: boolean
    readonly isBusy?: boolean
  } = {},
) {
  const done: string[] = []
  const plan = new PlanIndex()
  const memory = Buffer.from('0123456789')
  const isD = (bytes: Buffer, start: number, slash: number): boolean =>
    bytes.toString('latin1', start, slash) === '/d'
  const parts: PlainFilesParts = {
    plan,
    posix: {
      tryOpen: (directory, bytes, start, end) => {
        done.push(`open ${directory} ${Buffer.from(bytes).toString('latin1', start, end)}`)
        return settings.fd ?? 33
      },
    },
    target: {
      presentAt: (bytes, start, slash) =>
        isD(bytes, start, slash) ? { fd: 4, facts: settings.facts ?? ours } : undefined,
      givesAcl: () => settings.givesAcl === true,
    },
    installer: {
      worksAt: isD,
      discard: (directory, name) => void done.push(`discard ${directory} ${name.toString()}`),
    },
    atOnce: {
      write: (fd, bytes, start, end, position) =>
        void done.push(`at once: write ${fd} ${bytes.toString('latin1', start, end)} at ${position}`),
      finish: (fd, ticket) => void done.push(`at once: finish ${fd} ${ticket}`),
      drop: (fd) => void done.push(`at once: drop ${fd}`),
    },
    behind: {
      isBusy: settings.isBusy === true,
      takes: (bytes) => bytes === memory,
      write: (fd, bytes, start, end, position) =>
        void done.push(`write ${fd} ${Buffer.from(bytes).toString('latin1', start, end)} at ${position}`),
      finish: (fd, ticket, atime, mtime, mode) =>
        void done.push(
          `finish ${fd} ${ticket} ${atime.seconds}.${atime.nanos} ${mtime.seconds}.${mtime.nanos} ${mode.toString(8)}`,
        ),
      drop: (fd) => void done.push(`drop ${fd}`),
      release: () => undefined,
      hurry: () => undefined,
      settle: () => void done.push('settle'),
      end: () => undefined,
      takeFailures: () => [],
    },
  }
  const plan1 = (path: string): number => {
    const number = plan.count
    const digest = undefined
    plan.add(
      { kind: 'file', linkCount: 1, imageIndex: 0, memberOffset: number * 512, identityKey: '', digest },
      Buffer.from(path),
    )
    return number
  }
  const entry = plan1('/d/name')
  return { done, plan, plan1, memory, entry, files: new PlainFiles(parts) }
}

t.test('a plain file is made, written and finished by numbers', async (t) => {
  const { files, done, entry, memory } = world()
  t.notOk(files.isOpen)
  t.ok(files.begin(entry, usual))
  t.ok(files.isOpen)
  t.equal(files.entry, entry)
  t.ok(files.write(memory, 2, 5, 0))
  t.ok(files.write(memory, 5, 6, 3))
  t.notOk(files.write(Buffer.from('elsewhere'), 0, 3, 4), 'other memory can not be written behind')
  files.end()
  t.notOk(files.isOpen)
  t.strictSame(done, ['open 4 name', 'write 33 234 at 0', 'write 33 5 at 3', 'finish 33 0 1.2 5.6 644'])
})

t.test('while enough is waiting behind it is written at once', async (t) => {
  const { files, done, entry, memory } = world({ isBusy: true })
  files.begin(entry, usual)
  t.ok(files.write(memory, 2, 5, 0))
  t.ok(files.write(Buffer.from('elsewhere'), 0, 3, 3), 'whatever memory it lies in')
  files.end()
  files.begin(entry, usual)
  files.drop()
  t.strictSame(done, [
    'open 4 name',
    'at once: write 33 234 at 0',
    'at once: write 33 els at 3',
    'at once: finish 33 0',
    'open 4 name',
    'at once: drop 33',
    'discard 4 name',
  ])
})

t.test('one that is given up is closed before its name is removed', async (t) => {
  const { files, done, entry } = world()
  files.begin(entry, usual)
  files.drop()
  files.drop()
  t.notOk(files.isOpen)
  t.strictSame(done, ['open 4 name', 'drop 33', 'settle', 'discard 4 name'])
})

t.test('what is in any way different is left to others, and nothing was done', async (t) => {
  const regions: readonly DataRegion[] = []
  const members: Record<string, Partial<ArchiveMember>> = {
    'a link': { kind: 'symlink' },
    'a sparse file': { sparse: regions },
    'one with attributes': { xattrs: [{ name: Buffer.from('user.a'), value: Buffer.from('1') }] },
    'one with an ACL': { aclAccess: 'user::rw-' },
    'one of another owner': { uid: 9 },
    'one of another group': { gid: 9 },
  }
  for (const [name, difference] of Object.entries(members)) {
    const { files, done, entry } = world()
    t.notOk(files.begin(entry, { ...usual, ...difference }), name)
    t.strictSame(done, [], name)
  }
  const facts: Record<string, DirectoryFacts> = {
    'a directory of others': { ...ours, isUnfinished: false },
    'a directory without a file so far': { isUnfinished: true },
    'a file system that does not keep the mode': {
      isUnfinished: true,
      creation: { mode: 0o777, uid: 7, gid: 8 },
    },
  }
  for (const [name, fact] of Object.entries(facts)) {
    const { files, done, entry } = world({ facts: fact })
    t.notOk(files.begin(entry, usual), name)
    t.strictSame(done, [], name)
  }
  const { mtime: _mtime, ...timeless } = usual
  const readAsUsual = world()
  t.notOk(readAsUsual.files.begin(readAsUsual.entry, timeless), 'one without times as numbers')
  const inherits = world({ givesAcl: true })
  t.notOk(inherits.files.begin(inherits.entry, usual), 'a directory that gives an ACL')
  const paths = ['/e/name', '/d', '/d/', '/d/.', '/d/..', `/d/${'n'.repeat(256)}`, 'name', '/d/e/name']
  for (const path of paths) {
    const { files, done, plan1 } = world()
    t.notOk(files.begin(plan1(path), usual), path)
    t.strictSame(done, [], path)
  }
  const digests = world()
  digests.plan.digestAlgorithm = 'sha256'
  t.notOk(digests.files.begin(digests.entry, usual), 'one whose content is checked')
})

t.test('names with points are names', async (t) => {
  for (const name of ['.a', '..a', '...', 'n'.repeat(255)]) {
    const { files, plan1 } = world()
    t.ok(files.begin(plan1(`/d/${name}`), usual), name)
  }
})

t.test('one that can not be opened is left to who tells why', async (t) => {
  const { files, entry } = world({ fd: -1 })
  t.notOk(files.begin(entry, usual))
  t.notOk(files.isOpen)
})
