import t from 'tap'
import { loadOwnerNames, parseOwnerFile } from '../../src/client/owner-names.ts'

t.test('the first name of a number counts, broken lines do not', async (t) => {
  const names = parseOwnerFile(
    'root:x:0:0::/root:/bin/sh\ntoor:x:0:0::\n\n#comment\nann:x:1000:1000\n+::::::\nbad:x:abc:1\n',
  )
  t.strictSame(
    [...names],
    [
      [0, 'root'],
      [1000, 'ann'],
    ],
  )
})

t.test('this machine knows root', async (t) => {
  const owners = loadOwnerNames()
  t.equal(owners.user(0), 'root')
  t.type(owners.group(0), 'string')
  t.equal(owners.user(4_000_000_123), undefined)
})
