import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { chapResponse, parseBinary } from '../../src/iscsi/chap.ts'
import { Login, type LoginIdentity, type LoginStep } from '../../src/iscsi/login.ts'
import type { ParameterWishes } from '../../src/iscsi/parameters.ts'
import type { LoginResponse } from '../../src/iscsi/responses.ts'
import { decodeText, encodeText } from '../../src/iscsi/text-keys.ts'
import { propertyRuns } from '../property-runs.ts'

const wishes: ParameterWishes = {
  headerDigest: 'preferred',
  dataDigest: 'off',
  maxReceiveBytes: 2 ** 20,
  firstBurstBytes: 2 ** 20,
  maxBurstBytes: 2 ** 23,
}
const names = { initiatorName: 'iqn.2026-11.example:me', targetName: 'iqn.2026-11.example:it' }
const chap = { name: 'me', secret: 'initiator secret' }
const mutual = { ...chap, target: { name: 'it', secret: 'target secret!!' } }
const zeros = (bytes: number) => Buffer.alloc(bytes)

const begin = (identity: LoginIdentity = names, wish: Partial<ParameterWishes> = {}) => {
  const login = new Login(identity, { ...wishes, ...wish }, zeros)
  const first = login.begin()
  return { login, first, offers: Object.fromEntries(decodeText(first.text)) }
}

const response = (fields: Partial<LoginResponse>): LoginResponse => ({
  kind: 'login',
  statusNumber: 0,
  expectedCommandNumber: 1,
  maxCommandNumber: 1,
  taskTag: 0,
  stage: 0,
  continues: false,
  targetSession: 0,
  statusClass: 0,
  statusDetail: 0,
  ...fields,
})
const text = (keys: Readonly<Record<string, string>>) => encodeText(Object.entries(keys))

function sent(step: LoginStep) {
  assert.ok(step.kind === 'send')
  return { ...step.message, keys: Object.fromEntries(decodeText(step.message.text)) }
}

const agreed = (login: Login, keys: Readonly<Record<string, string>>) => {
  const step = login.receive(response({ stage: 1, nextStage: 3, targetSession: 5 }), text(keys))
  assert.ok(step.kind === 'done')
  return step.parameters
}

t.test('without CHAP: two messages to the full feature phase', async (t) => {
  const { login, first, offers } = begin()
  t.match(first, { stage: 0, nextStage: 1 })
  t.match(offers, { AuthMethod: 'None', SessionType: 'Normal', TargetName: names.targetName })
  const second = sent(login.receive(response({ nextStage: 1 }), text({ AuthMethod: 'None' })))
  t.match(second, { stage: 1, nextStage: 3 })
  t.match(second.keys, {
    HeaderDigest: 'CRC32C,None',
    DataDigest: 'None',
    InitialR2T: 'No',
    ErrorRecoveryLevel: '0',
  })
  const parameters = agreed(login, {
    HeaderDigest: 'CRC32C',
    DataDigest: 'None',
    MaxRecvDataSegmentLength: '65536',
    InitialR2T: 'No',
    ImmediateData: 'No',
    FirstBurstLength: '0x10000',
    MaxBurstLength: '32768',
    DefaultTime2Wait: '3',
    TargetPortalGroupTag: '1',
  })
  t.same(parameters, {
    headerDigest: true,
    dataDigest: false,
    maxSendBytes: 65_536,
    firstBurstBytes: 32_768,
    maxBurstBytes: 32_768,
    immediateData: false,
    initialR2T: false,
    waitSeconds: 3,
  })
})

t.test('what a target leaves open is as the protocol says', async (t) => {
  const { login } = begin()
  login.receive(response({ nextStage: 1 }), text({}))
  t.same(agreed(login, {}), {
    headerDigest: false,
    dataDigest: false,
    maxSendBytes: 8192,
    firstBurstBytes: 65_536,
    maxBurstBytes: 262_144,
    immediateData: true,
    initialR2T: true,
    waitSeconds: 2,
  })
})

t.test('a target that asks and waits is answered, and a text may come in parts', async (t) => {
  const { login } = begin()
  sent(login.receive(response({ nextStage: 1 }), text({})))
  const half = text({ MaxBurstLength: '16384' })
  const more = login.receive(response({ stage: 1, continues: true }), half.subarray(0, 5))
  t.same(sent(more).keys, {})
  t.notOk(sent(more).nextStage)
  const rest = Buffer.concat([half.subarray(5), text({ OFMarker: 'No', 'X-com.example': '1' })])
  const answers = sent(login.receive(response({ stage: 1 }), rest))
  t.same(answers.keys, { OFMarker: 'No', 'X-com.example': 'NotUnderstood' })
  t.equal(answers.nextStage, 3)
  t.equal(agreed(login, {}).maxBurstBytes, 16_384)
})

t.test('one-way CHAP', async (t) => {
  const { login, first, offers } = begin({ ...names, chap })
  t.notOk('nextStage' in first, 'waits for the challenge')
  t.equal(offers['AuthMethod'], 'CHAP,None')
  t.same(sent(login.receive(response({}), text({ AuthMethod: 'CHAP' }))).keys, { CHAP_A: '5' })
  const answer = sent(login.receive(response({}), text({ CHAP_A: '5', CHAP_I: '9', CHAP_C: '0x0102' })))
  t.equal(answer.nextStage, 1)
  t.equal(answer.keys['CHAP_N'], 'me')
  t.ok(
    parseBinary(answer.keys['CHAP_R'] ?? '').equals(
      chapResponse(chap.secret, { id: 9, challenge: Buffer.from([1, 2]) }),
    ),
  )
  t.notOk(answer.text.includes(chap.secret))
  t.match(sent(login.receive(response({ nextStage: 1 }), text({}))), { stage: 1, nextStage: 3 })
})

const askedMutually = () => {
  const { login, offers } = begin({ ...names, chap: mutual })
  assert.equal(offers['AuthMethod'], 'CHAP', 'no way around it')
  login.receive(response({}), text({ AuthMethod: 'CHAP' }))
  const { keys } = sent(login.receive(response({}), text({ CHAP_A: '5', CHAP_I: '9', CHAP_C: '0x0102' })))
  const challenge = { id: Number(keys['CHAP_I']), challenge: parseBinary(keys['CHAP_C'] ?? '') }
  const proof = (secret: string, name = 'it') =>
    text({ CHAP_N: name, CHAP_R: `0x${chapResponse(secret, challenge).toString('hex')}` })
  return { login, proof }
}

t.test('mutual CHAP goes on only with a target that proves itself', async (t) => {
  const good = askedMutually()
  t.match(sent(good.login.receive(response({ nextStage: 1 }), good.proof(mutual.target.secret))), {
    stage: 1,
  })
  const refused = (keys: (proof: typeof good.proof) => Buffer, reason: string) => {
    const { login, proof } = askedMutually()
    t.throws(
      () => login.receive(response({ nextStage: 1 }), keys(proof)),
      { code: 'scsi-access-denied', details: { reason } },
      reason,
    )
  }
  refused((proof) => proof(chap.secret), 'reflected')
  refused((proof) => proof('something else'), 'target-unproven')
  refused((proof) => proof(mutual.target.secret, 'other'), 'target-name')
  refused(() => text({}), 'target-unproven')
})

t.test('a target can skip nothing that is insisted on', async (t) => {
  const denied = (
    identity: LoginIdentity,
    fields: Partial<LoginResponse>,
    keys: Readonly<Record<string, string>>,
  ) =>
    t.throws(() => begin(identity).login.receive(response(fields), text(keys)), {
      code: 'scsi-access-denied',
    })
  denied({ ...names, chap: mutual }, { nextStage: 1 }, { AuthMethod: 'None' })
  denied({ ...names, chap: mutual }, { nextStage: 1 }, {})
  denied({ ...names, chap }, { nextStage: 1 }, {})
  denied(names, {}, { AuthMethod: 'CHAP' })
  denied({ ...names, chap }, {}, { AuthMethod: 'KRB5' })
  const digests = begin(names, { headerDigest: 'required' }).login
  digests.receive(response({ nextStage: 1 }), text({}))
  t.throws(() => digests.receive(response({ stage: 1 }), text({ HeaderDigest: 'None' })), {
    code: 'scsi-access-denied',
    details: { reason: 'digest' },
  })
  const skipped = begin().login
  t.throws(() => skipped.receive(response({ nextStage: 3, targetSession: 1 }), text({})), {
    code: 'message-invalid',
  })
})

t.test('who takes no CHAP is told from who was given a wrong secret', async (t) => {
  const { targetName: _, ...discovery } = names
  const authentication = { statusClass: 2, statusDetail: 1 }
  for (const [identity, isDiscovery] of [
    [names, false],
    [discovery, true],
  ] as const) {
    const unproven = {
      code: 'scsi-access-denied',
      details: { reason: 'target-unproven', discovery: isDiscovery },
    }
    for (const [fields, keys] of [
      [authentication, {}],
      [{}, { AuthMethod: 'Reject' }],
      [{ nextStage: 1 }, { AuthMethod: 'None' }],
    ] as const) {
      const { login } = begin({ ...identity, chap: mutual })
      t.throws(() => login.receive(response(fields), text(keys)), unproven)
    }
  }
  const { login } = askedMutually()
  t.throws(() => login.receive(response(authentication), text({})), {
    code: 'scsi-access-denied',
    details: { statusClass: 2, statusDetail: 1 },
  })
})

t.test('what breaks the rules is refused with a typed error', async (t) => {
  const operating = () => {
    const { login } = begin()
    login.receive(response({ nextStage: 1 }), text({}))
    return login
  }
  const bad: Readonly<Record<string, string>>[] = [
    { MaxBurstLength: '511' },
    { MaxBurstLength: 'many' },
    { MaxRecvDataSegmentLength: '99999999' },
    { InitialR2T: 'Maybe' },
    { DataDigest: 'CRC32C' },
    { HeaderDigest: 'SHA' },
    { ErrorRecoveryLevel: '3' },
  ]
  for (const keys of bad)
    t.throws(
      () => operating().receive(response({ stage: 1 }), text(keys)),
      { code: 'message-invalid' },
      JSON.stringify(keys),
    )
  const twice = encodeText([
    ['MaxBurstLength', '512'],
    ['MaxBurstLength', '512'],
  ])
  t.throws(() => operating().receive(response({ stage: 1 }), twice), { code: 'message-invalid' })
  t.throws(
    () => operating().receive(response({ stage: 0 }), text({})),
    { code: 'message-invalid' },
    'another stage',
  )
  t.throws(
    () => operating().receive(response({ stage: 1, nextStage: 3 }), text({})),
    { code: 'message-invalid' },
    'no handle',
  )
  t.throws(
    () => operating().receive(response({ stage: 1, nextStage: 1 }), text({})),
    { code: 'message-invalid' },
    'no stage',
  )
  const endless = operating()
  t.throws(
    () => {
      for (let n = 0; n < 50; n++) endless.receive(response({ stage: 1 }), text({}))
    },
    { code: 'message-invalid' },
    'no end',
  )
  const flood = operating()
  t.throws(
    () => {
      for (let n = 0; n < 15; n++)
        flood.receive(response({ stage: 1, continues: true }), Buffer.alloc(8192, 'x'))
    },
    { code: 'message-invalid' },
    'too much text',
  )
})

t.test('a refusal says why', async (t) => {
  const refusal = (statusClass: number, statusDetail: number, code: string) =>
    t.throws(() => begin().login.receive(response({ statusClass, statusDetail }), text({})), {
      code,
      details: { statusClass, statusDetail },
    })
  refusal(2, 1, 'scsi-access-denied')
  refusal(2, 2, 'scsi-access-denied')
  refusal(2, 3, 'not-found')
  refusal(2, 99, 'scsi-access-denied')
  refusal(3, 1, 'scsi-transport-lost')
  refusal(9, 9, 'scsi-transport-lost')
  t.same(
    begin().login.receive(
      response({ statusClass: 1, statusDetail: 1 }),
      text({ TargetAddress: '[::1]:3261,1' }),
    ),
    {
      kind: 'elsewhere',
      address: '[::1]:3261,1',
    },
  )
  t.throws(() => begin().login.receive(response({ statusClass: 1, statusDetail: 1 }), text({})), {
    code: 'message-invalid',
  })
})

t.test('no row of responses leads to anything but a step or a typed error', async (t) => {
  const anyKey = fc.constantFrom(
    'AuthMethod',
    'CHAP_A',
    'CHAP_I',
    'CHAP_C',
    'CHAP_N',
    'CHAP_R',
    'HeaderDigest',
    'MaxBurstLength',
    'InitialR2T',
    'TargetAddress',
    'X-any',
  )
  const anyValue = fc.constantFrom(
    'None',
    'CHAP',
    '5',
    '0x0102',
    `0x${'00'.repeat(16)}`,
    'Yes',
    'No',
    '65536',
    'CRC32C',
    'Reject',
    '',
  )
  const anyResponse = fc.record({
    stage: fc.constantFrom(0, 0, 1, 1, 3),
    nextStage: fc.constantFrom(undefined, 0, 1, 1, 3, 3),
    continues: fc.boolean(),
    targetSession: fc.nat(2),
    statusClass: fc.constantFrom(0, 0, 0, 0, 1, 2),
  })
  fc.assert(
    fc.property(
      fc.constantFrom(undefined, chap, mutual),
      fc.array(fc.tuple(anyResponse, fc.array(fc.tuple(anyKey, anyValue), { maxLength: 4 })), {
        maxLength: 8,
      }),
      (proof, row) => {
        const { login } = begin(proof === undefined ? names : { ...names, chap: proof })
        for (const [{ nextStage, ...fields }, pairs] of row) {
          try {
            const step = login.receive(
              response({ ...fields, ...(nextStage === undefined ? {} : { nextStage }) }),
              encodeText(pairs),
            )
            // No target of this row can prove itself.
            if (step.kind === 'done') assert.ok(proof === undefined || proof === chap)
            if (step.kind !== 'send') break
          } catch (error) {
            assert.match(
              String((error as { code?: string }).code),
              /^(message-invalid|scsi-access-denied|not-found|scsi-transport-lost)$/,
            )
            break
          }
        }
      },
    ),
    propertyRuns(t, 1000),
  )
})
