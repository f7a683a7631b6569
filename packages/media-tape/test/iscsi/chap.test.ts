import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import {
  chapResponse,
  checkChapSecrets,
  checkTarget,
  parseBinary,
  parseChallenge,
  parseResponse,
  printBinary,
} from '../../src/iscsi/chap.ts'
import { propertyRuns } from '../property-runs.ts'

const own = { name: 'me', secret: 'initiator secret' }
const target = { name: 'it', secret: 'target secret!!' }
const asked = { id: 7, challenge: Buffer.from('00112233445566778899aabbccddeeff', 'hex') }
const answer = (secret: string, name = 'it') => ({ name, response: chapResponse(secret, asked) })

t.test('the response is MD5 over id, secret and challenge', async (t) => {
  const joined = Buffer.concat([Buffer.from([7]), Buffer.from('initiator secret'), asked.challenge])
  t.equal(chapResponse(own.secret, asked).toString('hex'), createHash('md5').update(joined).digest('hex'))
})

t.test('a target is believed only with its own secret and name', async (t) => {
  t.doesNotThrow(() => checkTarget(answer(target.secret), asked, target, own))
  t.doesNotThrow(() => checkTarget(answer(target.secret, 'other'), asked, { secret: target.secret }, own))
  const refused = (given: ReturnType<typeof answer>, reason: string) =>
    t.throws(() => checkTarget(given, asked, target, own), {
      code: 'scsi-access-denied',
      details: { reason },
    })
  refused(answer(own.secret), 'reflected')
  refused(answer('a guess of secrets'), 'target-unproven')
  refused(answer(target.secret, 'other'), 'target-name')
})

t.test('short, empty and equal secrets are refused before they are used, and never told', async (t) => {
  const bad = (mine: typeof own, its?: { secret: string }) =>
    t.throws(() => checkChapSecrets(mine, its), {
      code: 'argument-invalid',
      message: /^(?!.*(initiator secret|short-one))/,
    })
  bad({ name: 'me', secret: 'short-one' })
  bad({ name: '', secret: own.secret })
  bad(own, { secret: 'short-one' })
  bad(own, { secret: own.secret })
  t.doesNotThrow(() => checkChapSecrets(own, target))
})

t.test('binary values are read in both forms', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1024 }), (bytes) => {
      assert.deepEqual([...parseBinary(printBinary(bytes))], [...bytes])
      assert.deepEqual([...parseBinary(`0b${Buffer.from(bytes).toString('base64')}`)], [...bytes])
    }),
    propertyRuns(t),
  )
  for (const bad of ['', '12', '0x1', '0xzz', '0b*', `0x${'00'.repeat(1025)}`])
    await t.rejects(async () => parseBinary(bad), { code: 'message-invalid' }, bad.slice(0, 10))
})

t.test('challenges and responses that are none are refused', async (t) => {
  t.same(parseChallenge('255', '0x01'), { id: 255, challenge: Buffer.from([1]) })
  t.same(parseChallenge('0xff', '0x01').id, 255)
  for (const [id, challenge] of [
    ['256', '0x01'],
    ['-1', '0x01'],
    ['', '0x01'],
    ['1', '0x'],
  ] as const)
    await t.rejects(
      async () => parseChallenge(id, challenge),
      { code: 'message-invalid' },
      `${id} ${challenge}`,
    )
  await t.rejects(async () => parseResponse('0x00'), { code: 'message-invalid' })
  t.equal(parseResponse(`0x${'ab'.repeat(16)}`).length, 16)
})
