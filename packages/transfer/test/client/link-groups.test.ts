import t from 'tap'
import { LinkGroups } from '../../src/client/link-groups.ts'

t.test('names of one file form a group until the last of them was met', async (t) => {
  const groups = new LinkGroups()
  const path = (name: string): Buffer => Buffer.from(name)
  const three = { nlink: 3, mtimeNs: 7n, size: 5 }
  const first = groups.meet('1:2', three, path('/a'))
  t.equal(first.isFirst, true)
  const second = groups.meet('1:2', three, path('/b'))
  t.equal(second.isFirst, false)
  t.equal(second.group, first.group)
  t.equal(second.group.firstPath.toString(), '/a')
  t.equal(groups.meet('1:2', three, path('/c')).isFirst, false)
  t.equal(groups.meet('1:2', three, path('/d')).isFirst, true, 'the number may be in use again')
  groups.forget('1:2')
  t.equal(
    groups.meet('1:2', { ...three, nlink: 2 }, path('/e')).isFirst,
    true,
    'a first name that vanished leads nobody',
  )
})

t.test('groups that another reader has left open go on, unless the file is another by now', async (t) => {
  const three = { nlink: 3, mtimeNs: 7n, size: 5 }
  const before = new LinkGroups()
  for (const key of ['1:1', '1:2', '1:3']) before.meet(key, three, Buffer.from(`/first of ${key}`))
  const stored = {
    memberPath: Buffer.from('first'),
    memberOffset: 512,
    memberBytes: 1024,
    sizeBytes: 5,
    mtimeNs: 7n,
    ctimeNs: 8n,
    flags: 0,
    digest: undefined,
  }
  before.meet('1:1', three, Buffer.from('/second')).group.stored = stored
  const groups = new LinkGroups(before.open())
  const last = groups.meet('1:1', three, Buffer.from('/third'))
  t.match(last, { isFirst: false, group: { firstPath: Buffer.from('/first of 1:1'), stored } })
  t.equal(groups.meet('1:1', three, Buffer.from('/fourth')).isFirst, true, 'it was the last name')
  t.equal(groups.meet('1:2', { ...three, mtimeNs: 9n }, Buffer.from('/x')).isFirst, true, 'changed since')
  t.equal(groups.meet('1:2', { ...three, mtimeNs: 9n }, Buffer.from('/y')).group.firstPath.toString(), '/x')
  t.equal(groups.meet('1:3', { ...three, size: 6 }, Buffer.from('/z')).isFirst, true, 'of another size')
})
