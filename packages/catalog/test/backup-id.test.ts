import fc from 'fast-check'
import t from 'tap'
import { checkName, formatBackupId, nextSeconds, parseBackupId } from '../src/backup-id.ts'

t.test('an id tells its client and second', async (t) => {
  t.same(parseBackupId('web1_1767225600'), { client: 'web1', seconds: 1_767_225_600 })
  t.same(parseBackupId('a_b_7'), { client: 'a_b', seconds: 7 })
  for (const none of ['web1', '_5', 'web1_', 'web1_05', 'web1_1.5', 'web1_-1', 'web1_1234567890123', ''])
    t.equal(parseBackupId(none), undefined, none)
})

t.test('ids are read as they were made', async () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.nat(), (client, seconds) => {
      const parts = parseBackupId(formatBackupId({ client, seconds }))
      return parts?.client === client && parts.seconds === seconds
    }),
  )
})

t.test('the next second is the present one, or follows the last', async (t) => {
  t.equal(nextSeconds(5999, undefined), 5)
  t.equal(nextSeconds(5999, 4), 5)
  t.equal(nextSeconds(5999, 5), 6)
  t.equal(nextSeconds(5999, 100), 101)
})

t.test('names that can not be kept are refused', async (t) => {
  t.doesNotThrow(() => checkName('client', 'wéb 1/../x'))
  for (const name of ['', 'a\0b', '\ud800', 'é'.repeat(101)])
    t.throws(() => checkName('client', name), { code: 'argument-invalid', details: { field: 'client' } })
})
