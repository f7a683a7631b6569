import { toPath } from '@nb/contracts'
import { restoreRequest } from '@nb/test-kit'
import t from 'tap'
import { checkRequest } from '../src/check-request.ts'

t.test('paths come out in their one form', async (t) => {
  const request = restoreRequest({
    paths: [toPath('/srv/'), toPath('/')],
    target: { kind: 'directory', directory: toPath('/target/') },
  })
  const checked = checkRequest(request)
  t.same(checked.paths, ['/srv', '/'])
  t.match(checked.target, { directory: '/target' })
  t.same(checkRequest(checked), checked, 'and stay as they are')
})

t.test('what is missing is named', async (t) => {
  const missing = { code: 'value-missing', status: 152 }
  t.throws(() => checkRequest(restoreRequest({ requestId: '' })), {
    ...missing,
    details: { field: 'requestId' },
  })
  t.throws(() => checkRequest(restoreRequest({ from: { client: '' } })), {
    ...missing,
    details: { field: 'from.client' },
  })
  t.throws(() => checkRequest(restoreRequest({ destinationClient: '' })), {
    ...missing,
    details: { field: 'destinationClient' },
  })
  t.throws(() => checkRequest(restoreRequest({ paths: [] })), { ...missing, details: { field: 'paths' } })
})

t.test('a path that cannot be meant is named by its place in the list', async (t) => {
  t.throws(() => checkRequest(restoreRequest({ paths: [toPath('/srv'), toPath('etc\u0007')] })), {
    code: 'argument-invalid',
    status: 20,
    details: { field: 'paths[1]' },
    message: 'paths[1] must be an absolute path without "." and "..", not "etc\\x07"',
  })
})
