import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { loadPosix, type Posix } from '../../src/posix/posix.ts'
import { PosixError } from '../../src/posix/posix-error.ts'
import { TEMPORARY_PREFIX } from '../../src/client/extractor/temporary-name.ts'
import { noExtractionState } from '../../src/client/extractor/extraction-state.ts'
import { compareTrees, comparesExtended } from './compare-trees.ts'
import { encodePlan, extractBytes, extractInThread, framedRanges, planFor } from './extract-in-thread.ts'
import { freshDirectory } from './fresh-directory.ts'
import { has, makeTree } from './make-tree.ts'
import { readInThread } from './read-in-thread.ts'

const latin1 = (path: Uint8Array): string => Buffer.from(path).toString('latin1')

/** A small tree and its backup. */
function backedUp(
  t: { teardown(action: () => void): void },
  entries: Readonly<Record<string, string | null>>,
) {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  mkdirSync(source)
  for (const [name, content] of Object.entries(entries)) {
    if (content === null) mkdirSync(join(source, name))
    else writeFileSync(join(source, name), content)
  }
  const read = () => {
    const result = readInThread([source])
    return { plan: planFor(result.records, source), archives: [result.archive] }
  }
  return { directory, source, target: join(directory, 'target'), read }
}

function nativeCalls(): Posix {
  const posix = loadPosix()
  if (typeof posix === 'string') throw new Error(posix)
  return posix
}

function temporaries(directory: string): string[] {
  return (readdirSync(directory, { recursive: true }) as string[]).filter((name) =>
    name.includes(TEMPORARY_PREFIX),
  )
}

for (const [name, withAcl] of [
  ['what a target gives to what is made in it does not stay', ['', 'there']],
  ['nor does what was given to a directory that was there', ['there']],
] as const)
  t.test(name, async (t) => {
    const entries = { d: null, 'd/e': null, 'd/e/f': null, 'd/e/f/file': 'x', there: null }
    const { source, target, read } = backedUp(t, entries)
    mkdirSync(join(target, 'there'), { recursive: true })
    const own = 'u:1000:rwx'
    try {
      for (const path of withAcl) execFileSync('setfacl', ['-m', own, '-m', `d:${own}`, join(target, path)])
    } catch (error) {
      t.pass(`no ACLs here, or no setfacl (apt-get install acl): ${(error as Error).message}`, { skip: true })
      return
    }
    const { plan, archives } = read()
    const { warnings } = extractInThread(target, plan, archives, { ifExists: 'overwrite' })
    t.strictSame(warnings, [])
    t.strictSame(compareTrees(source, target), [])
    const acls = execFileSync('getfacl', ['-cpRE', target], { encoding: 'utf8' })
    t.equal(acls.includes('1000'), false)
  })

t.test('a tree of every kind comes back byte for byte and attribute for attribute', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  const target = join(directory, 'target')
  mkdirSync(source)
  const made = makeTree(source, { seed: 31 })
  if (made.missing.length > 0) t.comment(`NOT TESTED here: ${made.missing.join(', ')}`)
  if (!comparesExtended()) t.comment('NOT TESTED here: attributes, getfattr is not installed')
  const result = readInThread([source])
  const { totals, warnings } = extractInThread(target, planFor(result.records, source), [result.archive], {
    pieceBytes: 7001,
  })
  t.strictSame(warnings, [])
  t.equal(totals.entries, result.records.length)
  t.strictSame(compareTrees(source, target), [])
  if (!has('rsync')) return t.comment('NOT TESTED here: rsync is not installed')
  // rsync takes no paths beyond PATH_MAX and reads holes byte by byte; the comparison above has covered both.
  for (const tree of [source, target])
    execFileSync('sh', [
      '-c',
      'rm -rf "$1/deep" "$1/sparse/beyond 8 GiB"; touch -d @1 "$1/sparse" "$1"',
      'sh',
      tree,
    ])
  const flags = ['-aHAXn', '-c', '-i', '--delete', '--numeric-ids', '--modify-window=-1']
  t.equal(execFileSync('rsync', [...flags, `${source}/`, `${target}/`], { encoding: 'latin1' }), '')
})

t.test('access times come back as well', async (t) => {
  const { source, target, read } = backedUp(t, { a: 'x' })
  execFileSync('touch', ['-a', '-d', '2001-02-03 04:05:06.123456789', join(source, 'a')])
  const { plan, archives } = read()
  extractInThread(target, plan, archives)
  t.equal(
    lstatSync(join(target, 'a'), { bigint: true }).atimeNs,
    lstatSync(join(source, 'a'), { bigint: true }).atimeNs,
  )
})

t.test('fail: nothing is written when anything planned is there, and the error names it', async (t) => {
  const { target, read } = backedUp(t, { a: '1', d: null, 'd/x': '2', z: '3' })
  const { plan, archives } = read()
  mkdirSync(join(target, 'd'), { recursive: true })
  writeFileSync(join(target, 'd/x'), 'mine')
  t.throws(() => extractInThread(target, plan, archives), {
    code: 'target-exists',
    status: 5,
    details: { paths: ['/d/x'] },
  })
  t.strictSame(readdirSync(target), ['d'])
  t.equal(readFileSync(join(target, 'd/x'), 'utf8'), 'mine')
  rmSync(join(target, 'd/x'))
  t.equal(
    extractInThread(target, plan, archives).totals.entries,
    5,
    'directories that are there are no conflict',
  )
})

t.test('fail: what comes to be there meanwhile is not replaced', async (t) => {
  const { target, read } = backedUp(t, { a: '1', b: '2' })
  const { plan, archives } = read()
  const observe = (moment: string, path: Buffer): void => {
    if (moment === 'file-created' && latin1(path) === '/b') writeFileSync(join(target, 'b'), 'mine')
  }
  t.throws(() => extractInThread(target, plan, archives, { observe }), { code: 'target-exists' })
  t.equal(readFileSync(join(target, 'b'), 'utf8'), 'mine')
  t.strictSame(temporaries(target), [])
})

t.test('skip: what is there stays as it is, attributes and all, and is counted', async (t) => {
  const { target, read } = backedUp(t, { a: '1', d: null, 'd/x': '2', 'd/y': '3' })
  const { plan, archives } = read()
  mkdirSync(join(target, 'd'), { recursive: true, mode: 0o711 })
  writeFileSync(join(target, 'd/x'), 'mine')
  const { totals } = extractInThread(target, plan, archives, { ifExists: 'skip' })
  t.match(totals, { entries: 3, skipped: 2, warnings: 0 })
  t.equal(readFileSync(join(target, 'd/x'), 'utf8'), 'mine')
  t.equal(readFileSync(join(target, 'd/y'), 'utf8'), '3')
  t.equal(statSync(join(target, 'd')).mode & 0o777, 0o711)
})

t.test('overwrite: files, links and directories give way to what was saved', async (t) => {
  const { directory, source, target, read } = backedUp(t, {
    a: 'saved',
    b: 'saved',
    c: 'saved',
    d: null,
    'd/x': 'saved',
    e: null,
    f: 'saved',
  })
  linkSync(join(source, 'a'), join(source, 'a-link'))
  const { plan, archives } = read()
  mkdirSync(target)
  writeFileSync(join(directory, 'outside'), 'outside')
  mkdirSync(join(directory, 'outside.d'))
  writeFileSync(join(target, 'a'), 'old')
  linkSync(join(target, 'a'), join(target, 'a-link'))
  symlinkSync(join(directory, 'outside'), join(target, 'b'))
  mkdirSync(join(target, 'c'))
  symlinkSync(join(directory, 'outside.d'), join(target, 'd'))
  writeFileSync(join(target, 'e'), 'a file')
  mkdirSync(join(target, 'f'))
  writeFileSync(join(target, 'f/kept'), 'kept')
  const { totals, warnings } = extractInThread(target, plan, archives, { ifExists: 'overwrite' })
  t.strictSame(
    warnings.map((w) => [latin1(w.path), w.code]),
    [['/f', 'ENOTEMPTY']],
    'a directory with entries does not give way',
  )
  t.equal(totals.failed, 1)
  rmSync(join(target, 'f'), { recursive: true })
  rmSync(join(source, 'f'))
  t.strictSame(compareTrees(source, target, { directoryTimes: false }), [])
  t.equal(readFileSync(join(directory, 'outside'), 'utf8'), 'outside')
  t.strictSame(readdirSync(join(directory, 'outside.d')), [])
  t.strictSame(temporaries(target), [])
  const again = extractInThread(
    target,
    plan.filter((r) => latin1(r.path) !== '/f'),
    archives,
    { ifExists: 'overwrite' },
  )
  t.equal(again.totals.warnings, 0, 'once more onto itself')
  t.strictSame(compareTrees(source, target, { directoryTimes: false }), [])
})

t.test(
  'a part of a tree can be restored alone, its missing parents are made for the owner only',
  async (t) => {
    const { target, read } = backedUp(t, { d: null, 'd/e': null, 'd/e/f': 'x', 'd/g': 'y' })
    const { plan, archives } = read()
    extractInThread(
      join(target, 'new/root'),
      plan.filter((record) => latin1(record.path) === '/d/e/f'),
      archives,
    )
    t.strictSame(readdirSync(join(target, 'new/root'), { recursive: true }), ['d', 'd/e', 'd/e/f'])
    t.equal(statSync(join(target, 'new/root/d')).mode & 0o777, 0o700)
  },
)

t.test('names of one file are linked, also when the first of them is not wanted or not free', async (t) => {
  const { source, target, read } = backedUp(t, { a: 'shared' })
  for (const name of ['b', 'c', 'd']) linkSync(join(source, 'a'), join(source, name))
  const { plan, archives } = read()
  extractInThread(
    target,
    plan.filter((record) => latin1(record.path) > '/b'),
    archives,
  )
  t.equal(statSync(join(target, 'c')).ino, statSync(join(target, 'd')).ino)
  t.equal(readFileSync(join(target, 'c'), 'utf8'), 'shared')
  const { totals } = extractInThread(target, plan, archives, { ifExists: 'skip' })
  t.match(totals, { skipped: 2, entries: 3 })
  t.equal(statSync(join(target, 'a')).ino, statSync(join(target, 'b')).ino)
})

t.test(
  'several groups of one restore: links reach across, directories get their times at the end',
  async (t) => {
    const { source, target, read } = backedUp(t, { d: null, 'd/a': 'shared', 'd/b': 'other' })
    linkSync(join(source, 'd/a'), join(source, 'd/z'))
    const { plan, archives } = read()
    const wants = (...names: string[]) => plan.filter((record) => names.includes(latin1(record.path)))
    const first = extractInThread(target, wants('/d/a'), archives, { last: false })
    const state = structuredClone(first.totals.state)
    const second = extractInThread(target, wants('/', '/d', '/d/b', '/d/z'), archives, {
      state,
      ifExists: 'skip',
    })
    t.equal(second.totals.skipped, 0, 'what an earlier group has made is its own')
    t.strictSame(compareTrees(source, target), [])
  },
)

t.test(
  'where no link can be made there is a copy, holes and attributes included, and a warning',
  async (t) => {
    const native = nativeCalls()
    const { source, target, read } = backedUp(t, { a: 'x' })
    truncateSync(join(source, 'a'), 1 << 20)
    chmodSync(join(source, 'a'), 0o4751)
    linkSync(join(source, 'a'), join(source, 'b'))
    const { plan, archives } = read()
    const posix: Posix = {
      ...native,
      linkDescriptor: () => {
        throw new PosixError('linkat', constants.errno.EMLINK)
      },
    }
    const { totals, warnings } = extractInThread(target, plan, archives, { posix })
    t.strictSame(
      warnings.map((w) => [latin1(w.path), w.code]),
      [['/b', 'EMLINK']],
    )
    t.match(totals, { entries: 3, failed: 0 })
    const [a, b] = ['a', 'b'].map((name) => statSync(join(target, name), { bigint: true }))
    t.not(a?.ino, b?.ino)
    t.strictSame([b?.mode, b?.size, b?.blocks, b?.mtimeNs], [a?.mode, a?.size, a?.blocks, a?.mtimeNs])
    t.ok(readFileSync(join(target, 'a')).equals(readFileSync(join(target, 'b'))))
  },
)

t.test('a full disk ends the restore and leaves no half-written file', async (t) => {
  const native = nativeCalls()
  const { target, read } = backedUp(t, { a: '1', b: 'x'.repeat(500_000), c: '3' })
  const { plan, archives } = read()
  const posix: Posix = {
    ...native,
    writeAt: (fd, bytes, position) => {
      if (position > 200_000) throw new PosixError('pwrite', constants.errno.ENOSPC)
      native.writeAt(fd, bytes, position)
    },
  }
  t.throws(() => extractInThread(target, plan, archives, { posix }), { code: 'disk-full', status: 155 })
  t.strictSame(readdirSync(target), ['a'])
})

t.test('a tree of six hundred levels is restored with few open files', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  mkdirSync(source)
  execFileSync('sh', [
    '-c',
    'cd "$1"; i=0; while [ $i -lt 600 ]; do : > zz; mkdir d; cd -P d; i=$((i+1)); done',
    'sh',
    source,
  ])
  const result = readInThread([source])
  let most = 0
  const observe = (moment: string): void => {
    if (moment === 'installed') most = Math.max(most, readdirSync('/proc/self/fd').length)
  }
  const target = join(directory, 'target')
  const { warnings } = extractInThread(target, planFor(result.records, source), [result.archive], { observe })
  t.strictSame(warnings, [])
  t.strictSame(compareTrees(source, target), [])
  t.ok(most < 300, `${most} open`)
})

for (const code of ['ENOSYS', 'EPERM'] as const) {
  t.test(`a kernel without openat2 (${code}): links are not followed either`, async (t) => {
    const native = nativeCalls()
    const { directory, target, read } = backedUp(t, { d: null, 'd/a': '1', e: null, 'e/b': '2' })
    const { plan, archives } = read()
    const posix: Posix = {
      ...native,
      openBeneath: () => {
        throw new PosixError('openat2', constants.errno[code])
      },
    }
    mkdirSync(join(directory, 'outside'))
    mkdirSync(target)
    symlinkSync(join(directory, 'outside'), join(target, 'd'))
    const { totals, warnings } = extractInThread(target, plan, archives, { posix, ifExists: 'skip' })
    t.equal(totals.failed, 1)
    t.match(warnings[0], { code: 'ENOTDIR' })
    t.strictSame(readdirSync(join(directory, 'outside')), [])
    t.equal(readFileSync(join(target, 'e/b'), 'utf8'), '2')
  })
}

t.test('a file cannot take the place of the root', async (t) => {
  const { target, read } = backedUp(t, { a: '1' })
  const { plan, archives } = read()
  const file = plan
    .filter((record) => record.kind === 'file')
    .map((record) => ({ ...record, path: Buffer.from('/') }))
  t.throws(() => extractInThread(target, file, archives), { code: 'restore-failed' })
})

t.test('a link that leads to a file which was replaced since is refused', async (t) => {
  const { source, target, read } = backedUp(t, { a: 'shared' })
  linkSync(join(source, 'a'), join(source, 'b'))
  const { plan, archives } = read()
  const observe = (moment: string, path: Buffer): void => {
    if (moment !== 'installed' || latin1(path) !== '/a') return
    renameSync(join(target, 'a'), join(target, 'moved'))
    writeFileSync(join(target, 'a'), 'not it')
  }
  const { warnings } = extractInThread(target, plan, archives, { observe })
  t.strictSame(
    warnings.map((w) => [latin1(w.path), w.code]),
    [['/b', 'TARGET_UNSAFE']],
  )
  t.equal(existsSync(join(target, 'b')), false)
})

t.test('what does not come, and what was never stored, is told', async (t) => {
  const { target, read } = backedUp(t, { a: '1', b: '2' })
  const { plan, archives } = read()
  const [root, a, b] = plan
  if (root === undefined || a === undefined || b === undefined) throw new Error('a plan of three')
  const wanted = [root, a, { ...b, memberBytes: 0, memberOffset: 1 }]
  const { totals, warnings } = extractInThread(target, wanted, archives)
  t.match(totals, { entries: 2, failed: 1 })
  t.strictSame(
    warnings.map((w) => [latin1(w.path), w.code]),
    [['/b', 'NOT_IN_IMAGE']],
  )
  const nothing = [{ ...b, memberBytes: 0, memberOffset: 1 }]
  t.throws(() => extractInThread(join(target, 'x'), nothing, archives), { code: 'restore-failed', status: 5 })
})

t.test('damaged streams and plans end the run and leave nothing half-written', async (t) => {
  const { directory, read } = backedUp(t, { a: 'x'.repeat(5000), b: 'y' })
  const { plan, archives } = read()
  const good = framedRanges(plan, archives)
  const planBytes = encodePlan(plan, 1)
  const cases: readonly (readonly [string, Buffer, Buffer, string])[] = [
    ['cut in the middle of a file', planBytes, good.subarray(0, 6000), 'archive-corrupt'],
    ['a member header that is damaged', planBytes, flipped(good, 24 + 600), 'archive-corrupt'],
    ['no frame', planBytes, flipped(good, 0), 'message-invalid'],
    ['a plan that ends too early', planBytes.subarray(0, planBytes.length - 3), good, 'file-list-corrupt'],
    ['a plan that is damaged', flipped(planBytes, planBytes.length - 8), good, 'file-list-corrupt'],
  ]
  for (const [what, planned, data, code] of cases) {
    const target = join(directory, what)
    mkdirSync(target)
    t.throws(() => extractBytes(target, planned, data), { code }, what)
    t.strictSame(temporaries(target), [], what)
  }
})

t.test('a target that is no directory is refused', async (t) => {
  const { directory, read } = backedUp(t, { a: '1' })
  const { plan, archives } = read()
  writeFileSync(join(directory, 'file'), '')
  t.throws(() => extractInThread(join(directory, 'file'), plan, archives), {
    code: 'target-unsafe',
    status: 5,
  })
  t.throws(() => extractInThread('relative', plan, archives), { code: 'argument-invalid' })
})

t.test('the state before the first group is empty', async (t) => {
  t.strictSame(noExtractionState, { directories: [], made: [], leaders: [] })
})

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 0xff
  return copy
}
