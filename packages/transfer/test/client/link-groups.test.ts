import t from 'tap'
import { LinkGroups } from '../../src/client/link-groups.ts'

t.test('names of one file form a group until the last of them was met', async (t) => {
  const groups = new LinkGroups()
  const path = (name: string): Buffer => Buffer.from(name)
  const first = groups.meet('1:2', 3, path('/a'))
  t.equal(first.isFirst, true)
  const second = groups.meet('1:2', 3, path('/b'))
  t.equal(second.isFirst, false)
  t.equal(second.group, first.group)
  t.equal(second.group.firstPath.toString(), '/a')
  t.equal(groups.meet('1:2', 3, path('/c')).isFirst, false)
  t.equal(groups.meet('1:2', 3, path('/d')).isFirst, true, 'the number may be in use again')
  groups.forget('1:2')
  t.equal(groups.meet('1:2', 2, path('/e')).isFirst, true, 'a first name that vanished leads nobody')
})
