// What happens to someone who is not root. Run by root it starts a child as `nobody`; run by anyone else it does the same as that.
import { execFileSync, fork } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { freshDirectory } from './fresh-directory.ts'
import type { ChildReport, ChildTask } from './unprivileged-child.ts'

const nobody = 65_534
const isRoot = process.getuid?.() === 0

/** Runs a task as someone without rights. */
function asNobody(task: ChildTask): Promise<ChildReport> {
  const child = fork(new URL('unprivileged-child.ts', import.meta.url), [], {
    ...(isRoot ? { uid: nobody, gid: nobody } : {}),
    execArgv: ['--conditions=@nb/source'],
    env: { PATH: process.env['PATH'] ?? '' },
  })
  return new Promise((resolve, reject) => {
    child.once('message', (report) => resolve(report as ChildReport))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)))
    child.send(task)
  })
}

function open(directory: string): void {
  chmodSync(directory, 0o777)
}

t.test('files and directories that may not be read are told, and all else is saved', async (t) => {
  const directory = freshDirectory(t)
  open(directory)
  const source = join(directory, 'source')
  mkdirSync(join(source, 'closed'), { recursive: true })
  mkdirSync(join(source, 'open'))
  for (const name of ['a', 'secret', 'closed/x', 'open/y', 'zz']) writeFileSync(join(source, name), name)
  chmodSync(join(source, 'secret'), 0)
  chmodSync(join(source, 'closed'), 0)
  const report = await asNobody({ kind: 'read', source })
  t.strictSame(report.paths, ['/', '/a', '/closed', '/open', '/open/y', '/secret', '/zz'])
  t.strictSame(report.warnings, [
    ['/closed', 'EACCES'],
    ['/secret', 'EACCES'],
  ])
  t.strictSame(report.unreadable, ['/secret'])
})

t.test('a selection that may not be looked into at all', async (t) => {
  const directory = freshDirectory(t)
  open(directory)
  const source = join(directory, 'source')
  mkdirSync(source)
  chmodSync(source, 0)
  const report = await asNobody({ kind: 'read', source })
  t.strictSame(report.error, { code: 'source-unreadable', status: 2 })
})

t.test(
  'owners and device nodes that only root may make: told once, set-id bits are not given to another owner',
  async (t) => {
    if (!isRoot) return void t.comment('NOT TESTED here: needs root to make what nobody may not')
    const directory = freshDirectory(t)
    open(directory)
    const source = join(directory, 'source')
    mkdirSync(source)
    for (const name of ['mine', 'theirs', 'theirs-setuid']) writeFileSync(join(source, name), name)
    chownSync(join(source, 'mine'), nobody, nobody)
    chmodSync(join(source, 'mine'), 0o4755)
    chmodSync(join(source, 'theirs-setuid'), 0o4755)
    execFileSync('mknod', [join(source, 'null'), 'c', '1', '3'])
    const target = join(directory, 'target')
    const report = await asNobody({ kind: 'restore', source, target })
    t.strictSame(report.error, undefined)
    t.strictSame(report.warnings, [
      ['/null', 'EPERM'],
      ['/', 'EPERM'],
    ])
    t.equal(statSync(join(target, 'theirs')).uid, nobody)
    t.equal(statSync(join(target, 'theirs-setuid')).mode & 0o7777, 0o755)
    t.equal(statSync(join(target, 'mine')).mode & 0o7777, 0o4755)
  },
)

t.test('a target that may not be written to', async (t) => {
  if (!isRoot) return void t.comment('NOT TESTED here: needs root to make a target of its own')
  const directory = freshDirectory(t)
  open(directory)
  const source = join(directory, 'source')
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'a')
  const target = join(directory, 'target')
  mkdirSync(target)
  chmodSync(target, 0o755)
  const report = await asNobody({ kind: 'restore', source, target })
  t.strictSame(
    report.warnings.filter(([path]) => path === '/a'),
    [['/a', 'EACCES']],
  )
})
