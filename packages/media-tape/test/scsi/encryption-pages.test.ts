import t from 'tap'
import { aesGcm } from '../../src/scsi/command-codes.ts'
import { buildCdb } from '../../src/scsi/cdb.ts'
import * as capabilities from '../../src/scsi/encryption-capabilities.ts'
import * as status from '../../src/scsi/encryption-status.ts'
import { labelData, labelOf } from '../../src/scsi/key-associated-data.ts'
import { buildSetEncryption, parseSetEncryption } from '../../src/scsi/set-encryption.ts'

const hex = (...parts: readonly (Uint8Array | string)[]): string =>
  parts.map((one) => (typeof one === 'string' ? one : Buffer.from(one).toString('hex'))).join('')
const bytesOf = (...parts: readonly string[]): Buffer =>
  Buffer.from(parts.join('').replaceAll(' ', ''), 'hex')
const key = Uint8Array.from({ length: 32 }, (_, index) => index)
const on = {
  ...{ scope: 1, clearOnDemount: true, encryption: 2, decryption: 3, algorithm: 1 },
  ...{ key, keyData: [labelData('K1')] },
}

t.test('pages of tape data encryption are those of the standard, byte for byte', async (t) => {
  t.equal(
    hex(buildCdb('security-protocol-in', { protocol: 0x20, specific: 0x21, allocationLength: 8192 })),
    'a2200021000000002000' + '0000',
  )
  t.equal(
    hex(buildCdb('security-protocol-out', { protocol: 0x20, specific: 0x10, transferLength: 58 })),
    'b5200010000000' + '00003a' + '0000',
  )
  // Code, length; SCOPE local; CKOD; ENCRYPT, MIXED; index; plain key; reserved; key length; key; U-KAD.
  t.equal(
    hex(buildSetEncryption(on)),
    hex('00100036', '20', '04', '02', '03', '01', '00', '0000000000000000', '0020', key, '000000024b31'),
  )
  const off = { ...on, encryption: 0, decryption: 0, key: new Uint8Array(), keyData: [] }
  t.equal(hex(buildSetEncryption(off)), '00100010' + '2004' + '000001' + '00' + '0000000000000000' + '0000')
  t.equal(
    hex(
      capabilities.buildCapabilities([
        {
          ...{ index: 1, code: aesGcm, keyBytes: 32, encrypts: true, decrypts: true, distinguishes: true },
          ...{ mostLabelBytes: 32, labelIsFixed: false, mostAuthenticatedBytes: 12 },
        },
      ]),
    ),
    '00100028' +
      '00'.repeat(16) +
      '01000014' +
      '1a00' +
      '0020' +
      '000c' +
      '0020' +
      '00'.repeat(8) +
      '00010014',
  )
  t.equal(hex(capabilities.buildKeyFormats([0])), '0011000100')
  t.equal(hex(capabilities.buildPageList(1, [0x10])), '000100020010')
  t.equal(hex(capabilities.buildProtocols([0, 0x20])), '000000000000' + '0002' + '0020')
  t.equal(
    hex(
      status.buildEncryptionStatus({
        ...{ scope: 1, keyScope: 1, encryption: 2, decryption: 3, algorithm: 1, keyInstance: 5 },
        keyData: [labelData('K1')],
      }),
    ),
    '0020001a' + '21' + '020301' + '00000005' + '00'.repeat(12) + '000000024b31',
  )
  t.equal(
    hex(status.buildNextBlock({ object: 7, encryption: 6, algorithm: 1, keyData: [labelData('K1')] })),
    '00210012' + '0000000000000007' + '06010000' + '000000024b31',
  )
})

t.test('what drives of others send is read', async (t) => {
  // Two algorithms; the second is under somebody else's control, and its descriptor is longer than ours.
  const told = capabilities.parseCapabilities(
    bytesOf(
      '0010 0044 00 05 0000000000000000000000000000',
      '01 00 0014 da 8e 0020 000c 0020 00 00 0020 00000000 00010014',
      '02 00 0018 0f 00 0010 0000 0010 00 00 0000 00000000 00010010 00000000',
    ),
  )
  t.match(told, [
    {
      index: 1,
      code: aesGcm,
      keyBytes: 32,
      encrypts: true,
      decrypts: true,
      mostLabelBytes: 32,
      labelIsFixed: true,
    },
    { index: 2, keyBytes: 16, encrypts: false, decrypts: false, labelIsFixed: false },
  ])
  const next = status.parseNextBlock(
    bytesOf('0021 001c 0000000000000102 16 01 02 00', '01 01 0004 00000001', '00 01 0004 41424300'),
  )
  t.match(next, { object: 0x102, encryption: 6, algorithm: 1 })
  t.equal(labelOf(next.keyData), 'ABC')
  t.equal(labelOf([{ type: 'unauthenticated', data: Uint8Array.of(1, 2, 0xff) }]), '0102ff')
  t.equal(labelOf([{ type: 'authenticated', data: Uint8Array.of(65) }]), undefined)
  t.throws(() => status.parseEncryptionStatus(bytesOf('0021 0014', '00'.repeat(20))), {
    code: 'message-invalid',
  })
})

t.test(
  'a page to be set that is not as it has to be is told by its byte, without what stands in it',
  async (t) => {
    const changed = (at: number, value: number): Uint8Array => {
      const page = buildSetEncryption(on)
      page[at] = value
      return page
    }
    t.same(parseSetEncryption(buildSetEncryption(on)), on)
    t.same(parseSetEncryption(changed(1, 0x11)), { invalidByte: 0 })
    t.same(parseSetEncryption(changed(3, 0x35)), { invalidByte: 2 })
    t.same(parseSetEncryption(changed(4, 0x21)), { invalidByte: 4 }, 'LOCK')
    t.same(parseSetEncryption(changed(5, 0x44)), { invalidByte: 5 }, 'CEEM')
    t.same(parseSetEncryption(changed(9, 2)), { invalidByte: 9 }, 'a wrapped key')
    t.same(parseSetEncryption(changed(18, 1)), { invalidByte: 18 })
    t.same(parseSetEncryption(buildSetEncryption(on).subarray(0, 19)), { invalidByte: 19 })
  },
)
