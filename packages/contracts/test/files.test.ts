import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { replaceFile, systemFiles } from '../src/files.ts'

const files = systemFiles()
const folder = async (): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'nb-files-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

t.test('create refuses what exists; absence is no error where it should not be', async (t) => {
  const path = join(await folder(), 'a')
  const file = await files.open(path, 'create')
  await file.write(Buffer.from('hello'), 0)
  await file.sync()
  await file.close()
  await file.close()
  await t.rejects(files.open(path, 'create'), { code: 'EEXIST' })
  t.match(await files.stat(path), { kind: 'file', sizeBytes: 5 })
  t.equal((await stat(path)).mode & 0o777, 0o600)
  await files.remove(path)
  await files.remove(path)
  t.equal(await files.stat(path), undefined)
  t.equal(await files.readFile(path), undefined)
  t.same(await files.list(`${path}/none`), [])
})

t.test('reading past the end gives what there is; append goes to the end', async (t) => {
  const path = join(await folder(), 'a')
  const file = await files.open(path, 'append')
  await file.write(Buffer.from('ab'))
  await file.write(Buffer.from('cd'))
  const target = Buffer.alloc(8)
  t.equal(await file.read(target, 1), 3)
  t.equal(target.toString('latin1', 0, 3), 'bcd')
  t.equal(await file.size(), 4)
  await file.close()
})

t.test('replaceFile replaces whole, over leftovers of a crash', async (t) => {
  const path = join(await folder(), 'header.json')
  await writeFile(`${path}.tmp`, 'half')
  await replaceFile(files, path, Buffer.from('one'))
  await replaceFile(files, path, Buffer.from('two'))
  t.equal(await readFile(path, 'utf8'), 'two')
  t.equal(await files.stat(`${path}.tmp`), undefined)
})

t.test('a link in the place of a store file is not followed', async (t) => {
  const path = join(await folder(), 'a')
  await writeFile(`${path}-outside`, 'precious')
  await symlink(`${path}-outside`, path)
  await t.rejects(files.open(path, 'update'), { code: 'ELOOP' })
})

t.test('space tells the file system', async (t) => {
  const space = await files.space(tmpdir())
  t.ok(space.totalBytes > 0 && space.freeBytes >= 0 && space.freeBytes <= space.totalBytes)
})

t.test('directories are made one by one; where that is not possible it is told', async (t) => {
  const files = systemFiles()
  const root = t.testdir({ file: '' })
  const deep = join(root, 'a', 'b', 'c')
  await files.makeDirectory(deep)
  await files.makeDirectory(deep)
  t.match(await files.stat(deep), { kind: 'directory' })
  await t.rejects(files.makeDirectory(join(root, 'file')), { code: 'EEXIST' })
  await t.rejects(files.makeDirectory(join(root, 'file', 'x')), { code: 'ENOTDIR' })
  await t.rejects(files.makeDirectory('/proc/nb/x'), { code: 'ENOENT' })
})
