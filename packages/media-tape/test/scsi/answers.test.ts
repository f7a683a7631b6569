import assert from 'node:assert/strict'
import fc from 'fast-check'
import { NbError } from '@nb/contracts'
import t from 'tap'
import * as attributes from '../../src/scsi/attributes.ts'
import * as encryption from '../../src/scsi/encryption-capabilities.ts'
import * as encryptionStatus from '../../src/scsi/encryption-status.ts'
import * as setEncryption from '../../src/scsi/set-encryption.ts'
import * as elements from '../../src/scsi/element-status.ts'
import * as inquiry from '../../src/scsi/inquiry.ts'
import * as log from '../../src/scsi/log-page.ts'
import * as mode from '../../src/scsi/mode.ts'
import * as pages from '../../src/scsi/mode-pages.ts'
import * as alerts from '../../src/scsi/tape-alert.ts'
import * as tape from '../../src/scsi/tape-answers.ts'
import * as unit from '../../src/scsi/unit-answers.ts'
import { propertyRuns } from '../property-runs.ts'

const noNullPrototype = true
const u8 = fc.nat(255)
const u16 = fc.nat(0xffff)
const u24 = fc.nat(0xff_ffff)
const u32 = fc.nat({ max: 0xffff_ffff })
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const safe = fc.maxSafeNat()
const data = (maxLength: number) => fc.uint8Array({ maxLength })
const text = (maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...'ABCxyz0189-_'), minLength: 1, maxLength })
const record = <T extends object>(
  shape: { [K in keyof T]: fc.Arbitrary<T[K]> },
  requiredKeys?: (keyof T)[],
) => fc.record(shape, { noNullPrototype, ...(requiredKeys === undefined ? {} : { requiredKeys }) })

const designator = record({
  codeSet: fc.integer({ min: 1, max: 3 }),
  association: fc.nat(3),
  type: fc.nat(15),
  identifier: fc.uint8Array({ minLength: 1, maxLength: 40 }),
})

const keyData = fc.array(
  record(
    {
      type: fc.constantFrom('unauthenticated', 'authenticated', 'nonce', 'metadata'),
      authenticated: fc.integer({ min: 1, max: 7 }),
      data: data(40),
    },
    ['type', 'data'],
  ),
  { maxLength: 4 },
)

/** Each kind of answer: what can be in it, how it is built and read. */
const kinds: Record<
  string,
  { any: fc.Arbitrary<unknown>; build: (value: never) => Uint8Array; parse: (bytes: Uint8Array) => unknown }
> = {
  'standard inquiry': {
    any: record({
      qualifier: fc.nat(7),
      deviceType: fc.nat(31),
      removable: fc.boolean(),
      version: u8,
      commandQueueing: fc.boolean(),
      vendor: text(8),
      product: text(16),
      revision: text(4),
    }),
    build: inquiry.buildInquiry,
    parse: inquiry.parseInquiry,
  },
  'vital pages': {
    any: fc.array(u8, { maxLength: 20 }),
    build: (list) => inquiry.buildSupportedPages(1, list),
    parse: inquiry.parseSupportedPages,
  },
  'serial number': {
    any: text(32),
    build: (serial) => inquiry.buildSerialNumber(1, serial),
    parse: inquiry.parseSerialNumber,
  },
  identification: {
    any: fc.array(designator, { maxLength: 5 }),
    build: (list) => inquiry.buildIdentification(8, list),
    parse: inquiry.parseIdentification,
  },
  'block limits': {
    any: record({ granularity: fc.nat(31), mostBytes: u24, leastBytes: u16 }),
    build: tape.buildBlockLimits,
    parse: tape.parseBlockLimits,
  },
  'short position': {
    any: record(
      {
        beginning: fc.boolean(),
        nearEnd: fc.boolean(),
        partition: u8,
        object: u32,
        bufferedObjects: fc.nat(1000),
      },
      ['beginning', 'nearEnd', 'partition', 'bufferedObjects'],
    ),
    build: tape.buildShortPosition,
    parse: tape.parseShortPosition,
  },
  'long position': {
    any: record(
      { beginning: fc.boolean(), nearEnd: fc.boolean(), partition: u32, object: safe, file: safe },
      ['beginning', 'nearEnd', 'partition'],
    ),
    build: tape.buildLongPosition,
    parse: tape.parseLongPosition,
  },
  densities: {
    any: fc.array(
      record({
        primary: u8,
        secondary: u8,
        writable: fc.boolean(),
        isDefault: fc.boolean(),
        bitsPerMm: u24,
        mediaWidth: u16,
        tracks: u16,
        capacityMegabytes: u32,
        organization: text(8),
        name: text(8),
        description: text(20),
      }),
      { maxLength: 4 },
    ),
    build: tape.buildDensities,
    parse: tape.parseDensities,
  },
  'log page': {
    any: record({
      page: fc.nat(63),
      subpage: u8,
      parameters: fc.array(record({ code: u16, control: u8, value: data(20) }), { maxLength: 6 }),
    }),
    build: log.buildLogPage,
    parse: log.parseLogPage,
  },
  'log pages': {
    any: fc.array(u8, { maxLength: 20 }),
    build: log.buildSupportedLogPages,
    parse: log.parseSupportedLogPages,
  },
  attributes: {
    any: fc.array(
      record({
        id: u16,
        readOnly: fc.boolean(),
        format: fc.constantFrom('binary', 'ascii', 'text'),
        value: data(40),
      }),
      { maxLength: 5 },
    ),
    build: attributes.buildAttributes,
    parse: attributes.parseAttributes,
  },
  'attribute list': {
    any: fc.array(u16, { maxLength: 20 }),
    build: attributes.buildAttributeList,
    parse: attributes.parseAttributeList,
  },
  luns: { any: fc.array(fc.nat(0x3fff), { maxLength: 10 }), build: unit.buildLuns, parse: unit.parseLuns },
  opcodes: {
    any: fc.array(record({ opcode: u8, serviceAction: u16, cdbBytes: u16 }, ['opcode', 'cdbBytes']), {
      maxLength: 20,
    }),
    build: unit.buildSupportedOpcodes,
    parse: (bytes) => unit.parseSupportedOpcodes(bytes).commands,
  },
  'one opcode': {
    any: record({ support: fc.constantFrom('unknown', 'no', 'yes', 'vendor'), usage: data(16) }),
    build: unit.buildOpcodeSupport,
    parse: unit.parseOpcodeSupport,
  },
  'reservation keys': {
    any: record({ generation: u32, keys: fc.array(u64, { maxLength: 5 }) }),
    build: unit.buildReservationKeys,
    parse: unit.parseReservationKeys,
  },
  reservation: {
    any: record({ generation: u32, holder: record({ key: u64, scope: fc.nat(15), type: fc.nat(15) }) }, [
      'generation',
    ]),
    build: unit.buildReservation,
    parse: unit.parseReservation,
  },
  'encryption capabilities': {
    any: fc.array(
      record({
        index: u8,
        code: u32,
        keyBytes: u16,
        encrypts: fc.boolean(),
        decrypts: fc.boolean(),
        distinguishes: fc.boolean(),
        mostLabelBytes: u16,
        labelIsFixed: fc.boolean(),
        mostAuthenticatedBytes: u16,
      }),
      { maxLength: 4 },
    ),
    build: encryption.buildCapabilities,
    parse: encryption.parseCapabilities,
  },
  'key formats': {
    any: fc.array(u8, { maxLength: 5 }),
    build: encryption.buildKeyFormats,
    parse: encryption.parseKeyFormats,
  },
  'encryption pages': {
    any: fc.array(u16, { maxLength: 8 }),
    build: (list) => encryption.buildPageList(1, list),
    parse: (bytes) => encryption.parsePageList(1, bytes),
  },
  'security protocols': {
    any: fc.array(u8, { maxLength: 8 }),
    build: encryption.buildProtocols,
    parse: encryption.parseProtocols,
  },
  'encryption status': {
    any: record({
      scope: fc.nat(7),
      keyScope: fc.nat(7),
      encryption: u8,
      decryption: u8,
      algorithm: u8,
      keyInstance: u32,
      keyData,
    }),
    build: encryptionStatus.buildEncryptionStatus,
    parse: encryptionStatus.parseEncryptionStatus,
  },
  'next block': {
    any: record({ object: safe, encryption: fc.nat(15), algorithm: u8, keyData }),
    build: encryptionStatus.buildNextBlock,
    parse: encryptionStatus.parseNextBlock,
  },
  'set encryption': {
    any: record({
      scope: fc.nat(7),
      clearOnDemount: fc.boolean(),
      encryption: u8,
      decryption: u8,
      algorithm: u8,
      key: data(40),
      keyData,
    }),
    build: setEncryption.buildSetEncryption,
    parse: setEncryption.parseSetEncryption,
  },
  'reservation change': {
    any: record({ key: u64, serviceActionKey: u64, throughPowerLoss: fc.boolean() }),
    build: unit.buildReservationChange,
    parse: unit.parseReservationChange,
  },
  'compression page': {
    any: record({ enabled: fc.boolean(), capable: fc.boolean(), decompress: fc.boolean(), algorithm: u32 }),
    build: (page) => pages.buildCompressionPage(page).data,
    parse: (bytes) => pages.parseCompressionPage({ page: 0x0f, data: bytes }),
  },
  'element addresses': {
    any: (() => {
      const range = record({ first: u16, count: u16 })
      return record({ transport: range, storage: range, importExport: range, drive: range })
    })(),
    build: (page) => pages.buildElementAddresses(page).data,
    parse: (bytes) => pages.parseElementAddresses({ page: 0x1d, data: bytes }),
  },
  'changer capabilities': {
    any: (() => {
      const types = fc.subarray([1, 2, 3, 4])
      const table = record({ 1: types, 2: types, 3: types, 4: types })
      return record({ holds: types, moves: table, exchanges: table })
    })(),
    build: (page) => pages.buildChangerCapabilities(page).data,
    parse: (bytes) => pages.parseChangerCapabilities({ page: 0x1f, data: bytes }),
  },
  'medium configuration': {
    any: record({ worm: fc.boolean() }),
    build: (page) => pages.buildMediumConfigurationPage(page).data,
    parse: (bytes) => pages.parseMediumConfigurationPage({ page: 0x1d, data: bytes }),
  },
}

for (const form of [6, 10] as const)
  for (const select of [false, true]) {
    kinds[`mode ${select ? 'select' : 'sense'} ${form}`] = {
      any: record(
        {
          mediumType: u8,
          writeProtected: select ? fc.constant(false) : fc.boolean(),
          bufferedMode: fc.nat(7),
          speed: fc.nat(15),
          block: record({ density: u8, blocks: u24, blockBytes: u24 }),
          pages: fc.array(
            select
              ? record({ page: fc.nat(63), subpage: u8, data: data(30) }, ['page', 'data'])
              : record({ page: fc.nat(63), subpage: u8, savable: fc.constant(true), data: data(30) }, [
                  'page',
                  'data',
                ]),
            { maxLength: 4 },
          ),
        },
        ['mediumType', 'writeProtected', 'bufferedMode', 'speed', 'pages'],
      ),
      build: (value) => mode.buildMode(form, value, select),
      parse: (bytes) => mode.parseMode(form, bytes, select),
    }
  }

for (const form of [
  { volumeTags: true, deviceIdentifiers: true },
  { volumeTags: true, deviceIdentifiers: false },
  { volumeTags: false, deviceIdentifiers: false },
]) {
  const seen = fc.constant(true)
  const common = {
    address: u16,
    full: fc.boolean(),
    source: u16,
    ...(form.volumeTags ? { barcode: text(32) } : {}),
  }
  const required = ['type', 'address', 'full'] as never[]
  const one = fc.oneof(
    record({ type: fc.constant(1), ...common }, required),
    record({ type: fc.constant(2), accessible: seen, ...common }, required),
    record(
      { type: fc.constant(3), accessible: seen, byOperator: seen, exports: seen, imports: seen, ...common },
      required,
    ),
    record(
      {
        type: fc.constant(4),
        accessible: seen,
        ...common,
        ...(form.deviceIdentifiers ? { device: designator } : {}),
      },
      required,
    ),
  )
  const excepted = record({ exception: seen, asc: u8, ascq: u8 })
  kinds[
    `elements${form.volumeTags ? ' with barcodes' : ''}${form.deviceIdentifiers ? ' with devices' : ''}`
  ] = {
    any: fc.array(
      fc.oneof(
        one,
        fc.tuple(one, excepted).map(([a, b]) => ({ ...a, ...b })),
      ),
      { maxLength: 8 },
    ),
    build: (list) => elements.buildElementStatus(list, form),
    parse: (bytes) => elements.parseElementStatus(bytes, form).elements,
  }
}

t.test('what was built is what is parsed', async (t) => {
  const runs = propertyRuns(t, 150)
  for (const [name, { any, build, parse }] of Object.entries(kinds)) {
    fc.assert(
      fc.property(any, (value) => {
        assert.deepEqual(parse(build(value as never)), value, name)
      }),
      runs,
    )
    t.pass(name)
  }
})

t.test('answers cut short, or of anything, are read or refused with message-invalid', async (t) => {
  const runs = propertyRuns(t, 150)
  for (const [name, { any, build, parse }] of Object.entries(kinds)) {
    const readOrRefused = (bytes: Uint8Array): void => {
      try {
        parse(bytes)
      } catch (error) {
        assert.ok(error instanceof NbError && error.code === 'message-invalid', `${name}: ${String(error)}`)
      }
    }
    fc.assert(
      fc.property(
        any,
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), u8), { maxLength: 4 }),
        (value, cut, changes) => {
          const whole = build(value as never)
          const bytes = whole.slice(0, cut % (whole.length + 1))
          readOrRefused(bytes)
          for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte
          readOrRefused(bytes)
        },
      ),
      runs,
    )
    fc.assert(fc.property(data(80), readOrRefused), runs)
    t.pass(name)
  }
})

t.test('TapeAlert flags are those raised, with their names', async (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 64 })), (flags) => {
      const raised = alerts.parseTapeAlerts(alerts.buildTapeAlerts(new Set(flags))).map(({ flag }) => flag)
      assert.deepEqual(
        raised,
        flags.toSorted((a, b) => a - b),
      )
    }),
    propertyRuns(t),
  )
  const named = (flag: number) => alerts.tapeAlerts[flag - 1]
  t.equal(alerts.tapeAlerts.length, 64)
  t.match(named(0x14), { flag: 20, name: 'cleaning required', severity: 'critical', meaning: 'clean-now' })
  t.match(named(0x15), { meaning: 'clean-soon' })
  t.match(named(0x16), { name: 'expired cleaning media', meaning: 'cleaning-cartridge' })
  for (const flag of [0x04, 0x05, 0x06, 0x07, 0x08, 0x0d, 0x0e, 0x0f, 0x13])
    t.match(named(flag), { meaning: 'volume' })
  t.match(named(50), { name: 'lost statistics' })
  t.match(named(60), { name: 'WORM volume: overwrite attempted' })
  t.throws(() => alerts.parseTapeAlerts(log.buildLogPage({ page: 2, subpage: 0, parameters: [] })), {
    code: 'message-invalid',
  })
})

t.test('the bytes are those of the standards', async (t) => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  const position = { beginning: false, nearEnd: true, partition: 0, object: 5 }
  t.equal(
    hex(tape.buildShortPosition({ ...position, bufferedObjects: 2 })),
    '4000000000000005000000030000000200000000',
  )
  t.equal(
    hex(tape.buildShortPosition({ beginning: false, nearEnd: false, partition: 0, object: 2 ** 32 })).slice(
      0,
      2,
    ),
    '06',
  )
  t.equal(
    hex(tape.buildLongPosition({ ...position, file: 1 })),
    '4000000000000000' + '0000000000000005' + '0000000000000001' + '0000000000000000',
  )
  t.equal(hex(tape.buildBlockLimits({ granularity: 0, mostBytes: 0x80_0000, leastBytes: 1 })), '008000000001')
  t.equal(
    hex(
      mode.buildMode(6, {
        mediumType: 0,
        writeProtected: true,
        bufferedMode: 1,
        speed: 0,
        block: { density: 0x5e, blocks: 0, blockBytes: 512 },
        pages: [],
      }),
    ),
    '0b0090085e00000000000200',
  )
  t.equal(
    hex(
      elements.buildElementStatus(
        [{ type: 2, address: 0x400, full: true, accessible: true, source: 0x401 }],
        { volumeTags: false, deviceIdentifiers: false },
      ),
    ),
    '0400000100000014' + '0200000c0000000c' + '04000900000000000080' + '0401',
  )
})

t.test('a text that is too long for its field is refused', async (t) => {
  t.throws(
    () =>
      inquiry.buildInquiry({
        qualifier: 0,
        deviceType: 1,
        removable: true,
        version: 6,
        commandQueueing: true,
        vendor: '123456789',
        product: '',
        revision: '',
      }),
    RangeError,
  )
  t.throws(
    () => inquiry.buildDesignator({ codeSet: 1, association: 0, type: 3, identifier: new Uint8Array(256) }),
    RangeError,
  )
  t.throws(
    () =>
      mode.buildMode(6, {
        mediumType: 0,
        writeProtected: false,
        bufferedMode: 0,
        speed: 0,
        pages: [{ page: 1, data: new Uint8Array(255) }],
      }),
    RangeError,
  )
})

t.test('attributes as text and numbers', async (t) => {
  const of = (format: 'binary' | 'ascii' | 'text', value: Uint8Array) => ({
    id: 0x806,
    readOnly: false,
    format,
    value,
  })
  t.equal(attributes.attributeText(of('ascii', Buffer.from('NBT001L8   '))), 'NBT001L8')
  t.equal(attributes.attributeText(of('text', Buffer.from('übung\0\0'))), 'übung')
  t.equal(attributes.attributeNumber(of('binary', Uint8Array.of(0, 0, 1, 2))), 258)
  t.throws(() => attributes.attributeNumber(of('binary', new Uint8Array(9))), { code: 'message-invalid' })
})
