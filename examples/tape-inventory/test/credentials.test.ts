import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CredentialsError, readCredentials } from '../src/credentials.ts'

const url = { portal: { host: 'h', port: 3260 } }
const secret = 'initiator-secret'

t.test('from a file, from variables, from the URL, in this order', async (t) => {
  const file = join(t.testdir({ chap: `user = file\n\n# a comment\nsecret = a = b\n` }), 'chap')
  chmodSync(file, 0o600)
  const environment = { NB_ISCSI_USER: 'env', NB_ISCSI_SECRET: secret }
  const withUser = { ...url, chap: { name: 'url', secret } }
  t.same(readCredentials(file, environment, withUser), { name: 'file', secret: 'a = b' })
  t.same(readCredentials(undefined, environment, withUser), { name: 'env', secret })
  t.same(readCredentials(undefined, {}, withUser), { name: 'url', secret })
  t.equal(readCredentials(undefined, { NB_ISCSI_USER: '' }, url), undefined)
  t.same(readCredentials(undefined, { ...environment, NB_ISCSI_TARGET_SECRET: 'proof' }, url), {
    ...{ name: 'env', secret },
    target: { secret: 'proof' },
  })
})

t.test('what is incomplete is told, without what it says', async (t) => {
  const read = (text: string, mode = 0o600): unknown => {
    const file = join(t.testdir({}), 'chap')
    writeFileSync(file, text)
    chmodSync(file, mode)
    try {
      return readCredentials(file, {}, url)
    } catch (error) {
      if (error instanceof CredentialsError) return error.message
      throw error
    }
  }
  t.match(read('user = me\n'), /both a user and a secret/)
  t.match(read(`secret = ${secret}\nuser = me`, 0o644), /chmod 600/)
  t.match(read(`user = me\npassword = ${secret}`), /line 2: it must be KEY = VALUE/)
  t.notMatch(read(`user = me\npassword = ${secret}`), secret)
  t.match(read(`user = me\nsecret = ${secret}\ntarget-user = it`), /without a target-secret/)
  t.throws(() => readCredentials('/nowhere/chap', {}, url), /nowhere.*can't be read/)
})
