import t from 'tap'
import { targetsOf } from '../../src/iscsi/discovery.ts'
import { encodeUnit } from '../../src/iscsi/logical-unit.ts'
import { parsePortal, printPortal } from '../../src/iscsi/portal.ts'
import { createIscsiSession, createIscsiTransport, parseIscsiUrl } from '../../src/index.ts'
import { createVirtualClock } from '@nb/test-kit'

t.test('URLs', async (t) => {
  t.same(parseIscsiUrl('iscsi://127.0.0.1/iqn.2026-11.lan.nb:vtl1/3'), {
    portal: { host: '127.0.0.1', port: 3260 },
    target: 'iqn.2026-11.lan.nb:vtl1',
    lun: 3,
  })
  t.same(parseIscsiUrl('iscsi://me%a:b%c@x@[fe80::1]:3261/eui.0123456789abcdef'), {
    portal: { host: 'fe80::1', port: 3261 },
    target: 'eui.0123456789abcdef',
    chap: { name: 'me', secret: 'a:b%c@x' },
  })
  t.same(parseIscsiUrl('iscsi://storage.example:860'), { portal: { host: 'storage.example', port: 860 } })
  const bad: Readonly<Record<string, string>> = {
    'http://host/iqn.2026-11.a:b/1': 'url',
    'iscsi://': 'url',
    'iscsi://host:0/iqn.2026-11.a:b/1': 'port',
    'iscsi://host:65536': 'port',
    'iscsi://ho st': 'portal',
    'iscsi://host/target/1': 'target',
    'iscsi://host/iqn.2026-11.a:b/-1': 'lun',
    'iscsi://host/iqn.2026-11.a:b/16384': 'lun',
    'iscsi://host/iqn.2026-11.a:b/1/2': 'url',
    'iscsi://host//1': 'target',
    'iscsi://me@host': 'chap',
    'iscsi://%hidden-secret@host': 'chap',
    'iscsi://me%hidden-secret@/iqn.2026-11.a:b/1': 'portal',
    'iscsi://me%hidden-secret@host/none/1': 'target',
    'iscsi://me%a-secret-with/hidden/parts@host/1': 'url',
    'iscsi://me%a-secret-with/hidden@host/1': 'portal',
    'iscsi://host/hidden@host/1': 'target',
    'iscsi://host/iqn.2026-11.a:b/hidden': 'lun',
  }
  for (const [url, field] of Object.entries(bad))
    await t.rejects(
      async () => parseIscsiUrl(url),
      { code: 'argument-invalid', details: { field }, message: /^(?!.*hidden)/ },
      url,
    )
})

t.test('portals', async (t) => {
  t.same(parsePortal('[::1],1'), { host: '::1', port: 3260 })
  t.same(parsePortal('10.0.0.1:3261,2'), { host: '10.0.0.1', port: 3261 })
  t.equal(printPortal({ host: '::1', port: 3260 }), '[::1]:3260')
  t.equal(printPortal({ host: 'h', port: 1 }), 'h:1')
})

t.test('addresses of units', async (t) => {
  t.equal(encodeUnit(3).toString('hex'), '0003000000000000')
  t.equal(encodeUnit(255).toString('hex'), '00ff000000000000')
  t.equal(encodeUnit(256).toString('hex'), '4100000000000000')
  t.equal(encodeUnit(16_383).toString('hex'), '7fff000000000000')
})

t.test('answers to SendTargets', async (t) => {
  const asked = { host: 'asked', port: 3260 }
  t.same(
    targetsOf(
      [
        ['TargetName', 'iqn.2026-11.a:1'],
        ['TargetAddress', '10.0.0.1:3260,1'],
        ['TargetAddress', '[::1]:3261,1'],
        ['TargetName', 'iqn.2026-11.a:2'],
      ],
      asked,
    ),
    [
      {
        target: 'iqn.2026-11.a:1',
        portals: [
          { host: '10.0.0.1', port: 3260 },
          { host: '::1', port: 3261 },
        ],
      },
      { target: 'iqn.2026-11.a:2', portals: [asked] },
    ],
  )
  for (const pair of [
    ['TargetAddress', 'h:1'],
    ['TargetName', 'x'],
    ['Other', '1'],
  ] as const)
    await t.rejects(async () => targetsOf([pair], asked), { code: 'message-invalid' }, pair[0])
  await t.rejects(
    async () =>
      targetsOf(
        [
          ['TargetName', 'iqn.2026-11.a:1'],
          ['TargetAddress', '/'],
        ],
        asked,
      ),
    { code: 'message-invalid' },
  )
})

t.test('options out of bounds', async (t) => {
  const clock = createVirtualClock()
  const good = { portal: 'h', target: 'iqn.2026-11.a:b', initiatorName: 'iqn.2026-11.a:me', lun: 0 }
  t.equal(createIscsiTransport({ clock }, good).name, 'iscsi://h:3260/iqn.2026-11.a:b/0')
  const bad: Readonly<Record<string, object>> = {
    target: { target: 'disk' },
    initiatorName: { initiatorName: 'me' },
    lun: { lun: 16_384 },
    queueDepth: { queueDepth: 0 },
    maxReceiveBytes: { maxReceiveBytes: 511 },
    firstBurstBytes: { firstBurstBytes: 2 ** 24 },
    pingTimeoutMs: { pingTimeoutMs: 1 },
    'chap.secret': { chap: { name: 'me', secret: 'short' } },
  }
  for (const [field, change] of Object.entries(bad))
    await t.rejects(
      async () => createIscsiTransport({ clock }, { ...good, ...change }),
      { code: 'argument-invalid', details: { field } },
      field,
    )
  const session = createIscsiSession({ clock }, good)
  t.equal(session.unit(1), session.unit(1), 'one transport a unit')
  t.equal(session.nexus, 0)
})
