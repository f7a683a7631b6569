import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { systemFiles } from '@nb/contracts'
import t from 'tap'
import { hashOf, replaceGuarded } from '../../src/policy-files/guarded-file.ts'

t.test('a file that nb writes back keeps its owner and permissions', async (t) => {
  const path = `${t.testdir()}/web.yaml`
  writeFileSync(path, 'before')
  chmodSync(path, 0o664)
  const isRoot = process.getuid?.() === 0
  if (isRoot) chownSync(path, 1234, 5678)
  const change = { files: systemFiles(), path, expected: hashOf('before') }
  t.equal(await replaceGuarded(change, Buffer.from('after')), 'done')
  const { mode, uid, gid } = statSync(path)
  t.equal(readFileSync(path, 'utf8'), 'after')
  t.equal(mode & 0o7777, 0o664)
  if (isRoot) t.strictSame([uid, gid], [1234, 5678])
  else t.comment('SKIPPED: owners, for want of root')
})

t.test('a file that is new is its own', async (t) => {
  const path = `${t.testdir()}/web.yaml`
  const change = { files: systemFiles(), path, expected: undefined }
  t.equal(await replaceGuarded(change, Buffer.from('new')), 'done')
  t.equal(statSync(path).mode & 0o7777, 0o600)
})
