// Mutated answers of SCSI units, and mutated commands as a unit gets them.
import assert from 'node:assert/strict'
import { NbError } from '@nb/contracts'
import t from 'tap'
import * as attributes from '../../packages/media-tape/src/scsi/attributes.ts'
import { buildCdb, commandsOf, parseCdb } from '../../packages/media-tape/src/scsi/cdb.ts'
import * as encryption from '../../packages/media-tape/src/scsi/encryption-capabilities.ts'
import * as encryptionStatus from '../../packages/media-tape/src/scsi/encryption-status.ts'
import * as setEncryption from '../../packages/media-tape/src/scsi/set-encryption.ts'
import * as elements from '../../packages/media-tape/src/scsi/element-status.ts'
import * as inquiry from '../../packages/media-tape/src/scsi/inquiry.ts'
import * as log from '../../packages/media-tape/src/scsi/log-page.ts'
import * as mode from '../../packages/media-tape/src/scsi/mode.ts'
import * as pages from '../../packages/media-tape/src/scsi/mode-pages.ts'
import { buildSense, parseSense } from '../../packages/media-tape/src/scsi/sense.ts'
import { explainSense } from '../../packages/media-tape/src/scsi/sense-meaning.ts'
import { buildTapeAlerts, parseTapeAlerts } from '../../packages/media-tape/src/scsi/tape-alert.ts'
import * as tape from '../../packages/media-tape/src/scsi/tape-answers.ts'
import * as unit from '../../packages/media-tape/src/scsi/unit-answers.ts'
import { fuzz } from './engine/fuzz.ts'

t.setTimeout(3_600_000)

const text = {
  codeSet: 2,
  association: 0,
  type: 1,
  identifier: Buffer.from('NB      DRIVE           S000000001'),
}
const form = { volumeTags: true, deviceIdentifiers: true }
const modes = {
  mediumType: 0,
  writeProtected: true,
  bufferedMode: 1,
  speed: 0,
  block: { density: 0x5e, blocks: 0, blockBytes: 0 },
  pages: [
    pages.buildCompressionPage({ enabled: true, capable: true, decompress: true, algorithm: 1 }),
    { page: 0x0a, subpage: 1, data: Buffer.alloc(28) },
  ],
}
const keyData = [
  { type: 'unauthenticated', data: Buffer.from('2026-11') },
  { type: 'authenticated', authenticated: 3, data: Buffer.alloc(12) },
] as const
const aes = {
  ...{ index: 1, code: 0x10014, keyBytes: 32, encrypts: true, decrypts: true, distinguishes: true },
  ...{ mostLabelBytes: 32, labelIsFixed: false, mostAuthenticatedBytes: 12 },
}
const set = { scope: 1, encryption: 2, decryption: 3, algorithm: 1, keyData }
const position = { beginning: false, nearEnd: true, partition: 0, object: 77, file: 3 }

/** Each kind of answer by its number, which is the input's first byte. */
const answers: readonly { readonly seed: Uint8Array; readonly parse: (bytes: Uint8Array) => unknown }[] = [
  {
    seed: buildSense({ key: 3, asc: 0x11, ascq: 0, information: -5, endOfMedium: true }),
    parse: (bytes) => explainSense(parseSense(bytes)),
  },
  {
    seed: buildSense({
      format: 'descriptor',
      key: 5,
      asc: 0x24,
      ascq: 0,
      information: 9,
      filemark: true,
      fieldPointer: { inCdb: true, byte: 2 },
    }),
    parse: (bytes) => explainSense(parseSense(bytes)),
  },
  { seed: inquiry.buildIdentification(1, [text, text]), parse: inquiry.parseIdentification },
  { seed: inquiry.buildSupportedPages(1, [0, 0x80, 0x83]), parse: inquiry.parseSupportedPages },
  { seed: mode.buildMode(6, modes), parse: (bytes) => mode.parseMode(6, bytes) },
  { seed: mode.buildMode(10, modes), parse: (bytes) => mode.parseMode(10, bytes) },
  { seed: mode.buildMode(10, modes, true), parse: (bytes) => mode.parseMode(10, bytes, true) },
  {
    seed: elements.buildElementStatus(
      [
        { type: 4, address: 1, full: true, source: 1024, barcode: 'NBT001L8', device: text },
        { type: 4, address: 2, full: false, exception: true, asc: 4, ascq: 1, device: text },
        { type: 2, address: 1024, full: false, accessible: true },
      ],
      form,
    ),
    parse: (bytes) => {
      const { elements: found } = elements.parseElementStatus(bytes, form)
      // A descriptor has twelve bytes at least: no answer makes more of itself than it has.
      assert.ok(found.length * 12 <= bytes.length)
    },
  },
  { seed: buildTapeAlerts(new Set([3, 20])), parse: parseTapeAlerts },
  { seed: log.buildSupportedLogPages([0, 0x2e]), parse: log.parseSupportedLogPages },
  {
    seed: attributes.buildAttributes([
      { id: 0x806, readOnly: false, format: 'ascii', value: Buffer.from('NBT001L8') },
      { id: 3, readOnly: true, format: 'binary', value: Buffer.alloc(8) },
    ]),
    parse: attributes.parseAttributes,
  },
  { seed: attributes.buildAttributeList([0, 3, 0x806]), parse: attributes.parseAttributeList },
  { seed: tape.buildShortPosition(position), parse: tape.parseShortPosition },
  { seed: tape.buildLongPosition(position), parse: tape.parseLongPosition },
  {
    seed: tape.buildBlockLimits({ granularity: 0, mostBytes: 1 << 20, leastBytes: 1 }),
    parse: tape.parseBlockLimits,
  },
  { seed: unit.buildLuns([0, 1, 300]), parse: unit.parseLuns },
  {
    seed: unit.buildSupportedOpcodes([
      { opcode: 0, cdbBytes: 6 },
      { opcode: 0xa3, serviceAction: 0x0c, cdbBytes: 12 },
    ]),
    parse: unit.parseSupportedOpcodes,
  },
  { seed: unit.buildReservationKeys({ generation: 1, keys: [1n, 2n] }), parse: unit.parseReservationKeys },
  {
    seed: unit.buildReservation({ generation: 1, holder: { key: 1n, scope: 0, type: 5 } }),
    parse: unit.parseReservation,
  },
  { seed: encryption.buildCapabilities([aes, { ...aes, index: 2 }]), parse: encryption.parseCapabilities },
  { seed: encryption.buildPageList(0, [0, 0x10]), parse: (bytes) => encryption.parsePageList(0, bytes) },
  {
    seed: encryptionStatus.buildEncryptionStatus({ ...set, keyScope: 1, keyInstance: 7 }),
    parse: encryptionStatus.parseEncryptionStatus,
  },
  {
    seed: encryptionStatus.buildNextBlock({ object: 9, encryption: 6, algorithm: 1, keyData }),
    parse: encryptionStatus.parseNextBlock,
  },
  {
    seed: setEncryption.buildSetEncryption({ ...set, clearOnDemount: true, key: Buffer.alloc(32, 7) }),
    parse: setEncryption.parseSetEncryption,
  },
]

t.test('a mutated answer of a unit is one, or message-invalid', async (t) => {
  await fuzz(t, {
    name: 'scsi-answer',
    seeds: answers.map(({ seed }, kind) => Buffer.concat([Buffer.from([kind]), seed])),
    count: 2000,
    longCount: 200_000,
    run: (input) => {
      const kind = answers[(input[0] ?? 0) % answers.length]
      kind?.parse(input.subarray(1))
    },
  })
})

t.test('a mutated command is another one, built again from what it says, or none', async (t) => {
  const sets = ['tape', 'changer', 'disk'] as const
  await fuzz(t, {
    name: 'scsi-command',
    seeds: sets.flatMap((set, index) =>
      commandsOf(set).map((command) => Buffer.concat([Buffer.from([index]), buildCdb(command)])),
    ),
    count: 1000,
    longCount: 100_000,
    maxBytes: 64,
    run: (input) => {
      const set = sets[(input[0] ?? 0) % sets.length] ?? 'tape'
      const parsed = parseCdb(input.subarray(1), set)
      if (parsed.command === 'unknown-opcode' || parsed.command === 'invalid-field')
        throw new NbError('argument-invalid', parsed.command)
      const { command, ...fields } = parsed
      assert.deepEqual(parseCdb(buildCdb(command, fields as never), set), parsed)
    },
  })
})
