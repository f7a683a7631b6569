import t from 'tap'
import { asNbError, errorKinds, fromErrorRecord, NbError, toErrorRecord } from '../src/errors.ts'
import { describeStatus, statusCodes } from '../src/status-codes.ts'

t.test('every error code has a status with a meaning and a remedy', async (t) => {
  for (const [code, kind] of Object.entries(errorKinds))
    t.ok(statusCodes[kind.status], `${code} -> ${kind.status}`)
})

t.test('an error survives the way through plain data', async (t) => {
  const error = new NbError('source-missing', 'gone', { details: { path: '/x' }, retryable: true })
  const back = fromErrorRecord(JSON.parse(JSON.stringify(toErrorRecord(error))) as never)
  t.match(back, {
    code: 'source-missing',
    status: 71,
    retryable: true,
    details: { path: '/x' },
    message: 'gone',
  })
  t.match(back.remedy, /at least one must exist/)
})

t.test('foreign errors keep their message and cause', async (t) => {
  const cause = new RangeError('odd')
  t.match(asNbError(cause), { code: 'internal', message: 'odd', cause })
  t.match(asNbError(new DOMException('stop', 'AbortError')), { code: 'request-cancelled', status: 907 })
  t.match(asNbError(Object.assign(new Error('no room'), { code: 'ENOSPC' })), {
    code: 'disk-full',
    status: 155,
  })
})

t.test('an unknown status says that it is unknown', async (t) => {
  t.equal(describeStatus(0), '0: everything requested was done')
  t.match(describeStatus(9999), /does not know/)
})
