// Mutated bytes as an iSCSI target may send them, and mutated names of targets.
import { NbError } from '@nb/contracts'
import t from 'tap'
import { targetsOf } from '../../packages/media-tape/src/iscsi/discovery.ts'
import { parseIscsiUrl } from '../../packages/media-tape/src/iscsi/iscsi-url.ts'
import { Login } from '../../packages/media-tape/src/iscsi/login.ts'
import { PduReceiver } from '../../packages/media-tape/src/iscsi/pdu-receiver.ts'
import { decodeResponse } from '../../packages/media-tape/src/iscsi/responses.ts'
import { decodeText, encodeText, type TextPair } from '../../packages/media-tape/src/iscsi/text-keys.ts'
import { fuzz } from './engine/fuzz.ts'

t.setTimeout(3_600_000)

const pdu = (opcode: number, flags: number, text: readonly TextPair[], data = encodeText(text)): Buffer => {
  const header = Buffer.alloc(48)
  header[0] = opcode
  header[1] = flags
  header.writeUIntBE(data.length, 5, 3)
  header[15] = 1
  return Buffer.concat([header, data, Buffer.alloc(-data.length & 3)])
}

const chap = { name: 'me', secret: 'initiator secret', target: { secret: 'target secret!!' } }
const names = { initiatorName: 'iqn.2026-11.example:me', targetName: 'iqn.2026-11.example:it' }
const wishes = {
  headerDigest: 'preferred',
  dataDigest: 'preferred',
  maxReceiveBytes: 65_536,
  firstBurstBytes: 65_536,
  maxBurstBytes: 65_536,
} as const

/** What goes on in a login and after it, as a target sends it. */
const rows: readonly Buffer[] = [
  Buffer.concat([
    pdu(0x23, 0x81, [['AuthMethod', 'None']]),
    pdu(0x23, 0x87, [
      ['HeaderDigest', 'None'],
      ['MaxBurstLength', '65536'],
      ['InitialR2T', 'No'],
      ['X-other', '1'],
    ]),
  ]),
  Buffer.concat([
    pdu(0x23, 0, [['AuthMethod', 'CHAP']]),
    pdu(0x23, 0, [
      ['CHAP_A', '5'],
      ['CHAP_I', '7'],
      ['CHAP_C', '0x00112233445566778899'],
    ]),
    pdu(0x23, 0x81, [
      ['CHAP_N', 'it'],
      ['CHAP_R', `0x${'ab'.repeat(16)}`],
    ]),
  ]),
  Buffer.concat(
    [0x20, 0x21, 0x22, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3f].map((opcode) =>
      pdu(opcode, 0x80, [], Buffer.alloc(20, 1)),
    ),
  ),
]

t.test('a mutated row of PDUs is read, or refused with a typed error', async (t) => {
  await fuzz(t, {
    name: 'iscsi-login',
    seeds: rows.flatMap((row) => [0, 1, 2].map((proof) => Buffer.concat([Buffer.from([proof]), row]))),
    count: 1500,
    longCount: 150_000,
    run: (input) => {
      const proof = (input[0] ?? 0) % 3
      const own = proof === 0 ? {} : { chap: proof === 1 ? { name: chap.name, secret: chap.secret } : chap }
      const login = new Login({ ...names, ...own }, wishes, (bytes) => Buffer.alloc(bytes))
      login.begin()
      let over = false
      const receiver = new PduReceiver(
        {
          placeFor: () => undefined,
          take: (header, data) => {
            const response = decodeResponse(header)
            if (response.kind !== 'login' || over) return
            over = login.receive(response, data).kind !== 'send'
            // No mutation knows the target's secret.
            if (over && proof === 2) throw new Error('a target that proved nothing was believed')
          },
        },
        { maxDataBytes: 65_536, headerDigest: false, dataDigest: false },
      )
      for (let at = 1; at < input.length;) {
        const { target } = receiver
        const bytes = Math.min(target.length, input.length - at)
        target.set(input.subarray(at, at + bytes))
        receiver.filled(bytes)
        at += bytes
      }
    },
  })
})

t.test('a mutated answer to SendTargets names targets, or is refused', async (t) => {
  await fuzz(t, {
    name: 'iscsi-targets',
    seeds: [
      encodeText([
        ['TargetName', 'iqn.2026-11.example:1'],
        ['TargetAddress', '10.0.0.1:3260,1'],
        ['TargetAddress', '[fe80::1]:3261,2'],
        ['TargetName', 'eui.0123456789abcdef'],
      ]),
    ],
    count: 1000,
    longCount: 100_000,
    run: (input) => targetsOf(decodeText(input), { host: 'asked', port: 3260 }),
  })
})

t.test('a mutated URL is one, or is refused without its secret', async (t) => {
  await fuzz(t, {
    name: 'iscsi-url',
    seeds: [
      'iscsi://me%hidden-secret@host:3260/iqn.2026-11.example:it/3',
      'iscsi://[::1]/eui.0123456789abcdef',
    ].map((url) => Buffer.from(url)),
    count: 1000,
    longCount: 100_000,
    maxBytes: 300,
    run: (input) => {
      try {
        return parseIscsiUrl(input.toString('latin1'))
      } catch (error) {
        if (error instanceof NbError && input.includes('@') && error.message.includes('hidden-secret'))
          throw new Error('the secret is told', { cause: error })
        throw error
      }
    },
  })
})
