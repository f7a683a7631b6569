// Archives and plans made by an enemy, and an enemy in the target directory: nothing may be written outside it.
import { fork } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { encodeMember, paddingOf, type ArchiveMember, type FileRecord } from '@nb/formats'
import t from 'tap'
import { encodePlan, extractBytes, extractInThread, framedRanges, planFor } from './extract-in-thread.ts'
import { freshDirectory } from './fresh-directory.ts'
import { readInThread } from './read-in-thread.ts'
import { targetNames } from '../../src/client/extractor/target-path.ts'

const latin1 = (path: Uint8Array): string => Buffer.from(path).toString('latin1')

interface Evil {
  readonly member: Partial<ArchiveMember> & Pick<ArchiveMember, 'kind'>
  readonly content?: string
  /** Where the plan sends it. @default the member's own path */
  readonly to?: string
}

/** An archive of these members, and a plan that sends each to its place. */
function craft(evils: readonly Evil[]): { readonly plan: FileRecord[]; readonly archive: Buffer } {
  const parts: Buffer[] = []
  const plan: FileRecord[] = []
  let offset = 0
  evils.forEach(({ member, content = '', to }, i) => {
    const whole: ArchiveMember = {
      path: Buffer.from(`m${i}`),
      mode: 0o755,
      uid: 0,
      gid: 0,
      sizeBytes: content.length,
      mtimeNs: 1n,
      ...member,
    }
    const bytes = Buffer.concat([
      encodeMember(whole),
      Buffer.from(content),
      Buffer.alloc(paddingOf(content.length)),
    ])
    parts.push(bytes)
    const isLink = whole.kind === 'symlink'
    plan.push({
      path: Buffer.from(to ?? `/${latin1(whole.path)}`, 'latin1'),
      kind: whole.kind === 'hardlink' ? 'file' : whole.kind,
      mode: 0o755,
      uid: 0,
      gid: 0,
      sizeBytes: content.length,
      mtimeNs: 1n,
      ctimeNs: 1n,
      ...(isLink ? { linkTarget: whole.linkTarget ?? Buffer.from('x') } : {}),
      identity: { device: 1n, inode: BigInt(i + 1) },
      linkCount: 1,
      imageIndex: 0,
      memberOffset: offset,
      memberBytes: bytes.length,
      flags: 0,
    })
    offset += bytes.length
  })
  return { plan, archive: Buffer.concat(parts) }
}

function ground(t: { teardown(action: () => void): void }): {
  directory: string
  target: string
  outside: string
} {
  const directory = freshDirectory(t)
  const target = join(directory, 'target')
  const outside = join(directory, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'treasure'), 'treasure')
  return { directory, target, outside }
}

t.test('target paths that leave the root are no names', async (t) => {
  const bad = [
    'x',
    '',
    '/..',
    '/../x',
    '/a/../../x',
    '/a/..',
    '/./x',
    '/a//b',
    '//',
    '/a/',
    '/a\0b',
    `/${'n'.repeat(256)}`,
    '/d'.repeat(4097),
  ]
  for (const path of bad) t.type(targetNames(Buffer.from(path)), 'string', JSON.stringify(path).slice(0, 40))
  for (const path of ['/', '/a', '/a/b', '/...', '/..a', '/a/.b', '/\xff', '/d'.repeat(4096)])
    t.type(targetNames(Buffer.from(path, 'latin1')), Array, path)
})

t.test('a plan that names places outside is refused entry by entry, and told', async (t) => {
  const { directory, target } = ground(t)
  const { plan, archive } = craft([
    { member: { kind: 'file' }, content: 'bad', to: '/../outside/bad' },
    { member: { kind: 'directory' }, to: '/../outside/bad-directory' },
    { member: { kind: 'symlink', linkTarget: Buffer.from('/etc') }, to: '/a/../../outside/bad-link' },
    { member: { kind: 'file' }, content: 'good', to: '/good' },
  ])
  const { totals, warnings } = extractInThread(target, plan, [archive])
  t.equal(totals.entries, 1)
  t.strictSame(new Set(warnings.map((w) => w.code)), new Set(['TARGET_UNSAFE']))
  t.equal(warnings.length, 3)
  t.strictSame(readdirSync(join(directory, 'outside')), ['treasure'])
  t.strictSame(readdirSync(directory).sort(), ['outside', 'target'])
})

t.test("the archive's own paths mean nothing: the plan's do", async (t) => {
  const { directory, target } = ground(t)
  const { plan, archive } = craft([
    { member: { kind: 'file', path: Buffer.from('../outside/bad') }, content: 'x', to: '/one' },
    { member: { kind: 'file', path: Buffer.from('a/../../outside/bad') }, content: 'y', to: '/two' },
  ])
  t.equal(extractInThread(target, plan, [archive]).totals.entries, 2)
  t.strictSame(readdirSync(target).sort(), ['one', 'two'])
  t.strictSame(readdirSync(join(directory, 'outside')), ['treasure'])
})

for (const ifExists of ['fail', 'skip', 'overwrite'] as const) {
  t.test(`a link that is restored is not written through (${ifExists})`, async (t) => {
    const { target, outside } = ground(t)
    const { plan, archive } = craft([
      { member: { kind: 'symlink', linkTarget: Buffer.from(outside) }, to: '/door' },
      { member: { kind: 'file' }, content: 'bad', to: '/door/bad' },
      { member: { kind: 'symlink', linkTarget: Buffer.from(join(outside, 'treasure')) }, to: '/treasure' },
    ])
    const result = extractInThread(target, plan, [archive], { ifExists })
    t.strictSame(readdirSync(outside), ['treasure'])
    t.equal(readFileSync(join(outside, 'treasure'), 'utf8'), 'treasure')
    t.ok(result.totals.failed > 0)
  })

  t.test(`links that wait in the target are not written through (${ifExists})`, async (t) => {
    const { target, outside } = ground(t)
    mkdirSync(target)
    symlinkSync(outside, join(target, 'd'))
    symlinkSync(join(outside, 'treasure'), join(target, 'f'))
    symlinkSync(join(outside, 'not-yet'), join(target, 'g'))
    const { plan, archive } = craft([
      { member: { kind: 'file' }, content: 'bad', to: '/d/bad' },
      { member: { kind: 'file' }, content: 'bad', to: '/f' },
      { member: { kind: 'file' }, content: 'bad', to: '/g' },
    ])
    try {
      extractInThread(target, plan, [archive], { ifExists })
    } catch (error) {
      t.match(error, { code: ifExists === 'fail' ? 'target-exists' : 'restore-failed' })
    }
    t.strictSame(readdirSync(outside), ['treasure'])
    t.equal(readFileSync(join(outside, 'treasure'), 'utf8'), 'treasure')
  })
}

t.test('a hard link in the archive is followed by nobody', async (t) => {
  const { target, outside } = ground(t)
  const { plan, archive } = craft([
    {
      member: { kind: 'hardlink', linkTarget: Buffer.from(join(outside, 'treasure').slice(1)) },
      to: '/stolen',
    },
    { member: { kind: 'file' }, content: 'x', to: '/fine' },
  ])
  const { warnings } = extractInThread(target, plan, [archive])
  t.strictSame(
    warnings.map((w) => w.code),
    ['NO_DATA'],
  )
  t.strictSame(readdirSync(target), ['fine'])
})

t.test('a directory that is swapped for a link while files are written into it', async (t) => {
  const moments = ['directory-opened', 'file-created', 'data-written', 'installed'] as const
  for (const moment of moments) {
    const { directory, target, outside } = ground(t)
    const source = join(directory, 'source')
    mkdirSync(join(source, 'd/e'), { recursive: true })
    for (const name of ['a', 'b', 'e/c', 'e/d', 'z']) writeFileSync(join(source, 'd', name), name)
    const { records, archive } = readInThread([source])
    let swaps = 0
    const observe = (now: string, path: Buffer): void => {
      if (now !== moment || !latin1(path).startsWith('/d/')) return
      const name = join(target, 'd')
      if (existsSync(name)) {
        renameSync(name, join(directory, `away-${swaps++}`))
        symlinkSync(outside, name)
      }
    }
    extractInThread(target, planFor(records, source), [archive], { observe })
    t.ok(swaps > 0, `the attack at ${moment} took place`)
    t.strictSame(readdirSync(outside), ['treasure'], moment)
  }
})

t.test('a process that swaps directories and links as fast as it can', async (t) => {
  const { directory, target, outside } = ground(t)
  const source = join(directory, 'source')
  for (let d = 0; d < 20; d++) {
    mkdirSync(join(source, 'd', `sub-${d}`), { recursive: true })
    for (let f = 0; f < 10; f++) writeFileSync(join(source, 'd', `sub-${d}`, `f${f}`), 'x')
  }
  const { records, archive } = readInThread([source])
  const plan = planFor(records, source)
  const planBytes = encodePlan(plan, 1)
  const data = framedRanges(plan, [archive])
  mkdirSync(target)
  const attacker = fork(new URL('swap-attacker.ts', import.meta.url), [target, outside], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  await new Promise((resolve) => attacker.once('message', resolve))
  let refused = 0
  for (let round = 0; round < 8; round++) {
    try {
      refused += extractBytes(target, planBytes, data, { ifExists: 'overwrite' }).totals.failed
    } catch (error) {
      t.match(error, { name: 'NbError' })
    }
  }
  const gone = new Promise((resolve) => attacker.once('exit', resolve))
  attacker.kill()
  await gone
  t.comment(`${refused} entries were refused while the attacker was at work`)
  t.strictSame(readdirSync(outside), ['treasure'])
  t.equal(readFileSync(join(outside, 'treasure'), 'utf8'), 'treasure')
  rmSync(target, { recursive: true, force: true })
})
