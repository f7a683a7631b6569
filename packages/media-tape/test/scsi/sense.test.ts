import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { buildSense, parseSense, senseKey, type SenseData } from '../../src/scsi/sense.ts'
import { propertyRuns } from '../property-runs.ts'

const byte = fc.nat(255)
const anySense: fc.Arbitrary<SenseData> = fc
  .record(
    {
      format: fc.constantFrom('fixed' as const, 'descriptor' as const),
      deferred: fc.boolean(),
      key: fc.nat(15),
      asc: byte,
      ascq: byte,
      filemark: fc.constant(true),
      endOfMedium: fc.constant(true),
      incorrectLength: fc.constant(true),
      information: fc.integer(),
      commandSpecific: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    },
    { requiredKeys: ['format', 'deferred', 'key', 'asc', 'ascq'], noNullPrototype: true },
  )
  .chain((sense) => {
    const { illegalRequest, noSense, notReady } = senseKey
    if (sense.key === illegalRequest) {
      const pointer = fc.record(
        { inCdb: fc.boolean(), byte: fc.nat(65_535), bit: fc.nat(7) },
        { requiredKeys: ['inCdb', 'byte'], noNullPrototype: true },
      )
      return fc
        .option(pointer, { nil: undefined })
        .map((fieldPointer) => (fieldPointer === undefined ? sense : { ...sense, fieldPointer }))
    }
    if (sense.key === noSense || sense.key === notReady)
      return fc
        .option(fc.nat(65_535), { nil: undefined })
        .map((progress) => (progress === undefined ? sense : { ...sense, progress }))
    return fc.constant(sense)
  })

t.test('what was built is what is parsed, in both formats', async (t) => {
  fc.assert(
    fc.property(anySense, (sense) => {
      assert.deepEqual(parseSense(buildSense(sense)), { ...sense })
    }),
    propertyRuns(t, 1000),
  )
})

t.test('the bytes are those of the standards', async (t) => {
  const hex = (sense: SenseData): string => Buffer.from(buildSense(sense)).toString('hex')
  t.equal(
    hex({ key: 0, asc: 0, ascq: 1, filemark: true, information: 4 }),
    'f00080000000040a000000000001' + '00000000',
  )
  t.equal(hex({ key: 8, asc: 0, ascq: 5, deferred: true }), '710008000000000a000000000005' + '00000000')
  t.equal(
    hex({ key: 5, asc: 0x24, ascq: 0, fieldPointer: { inCdb: true, byte: 2, bit: 5 } }),
    '700005000000000a000000002400' + '00cd0002',
  )
  t.equal(
    hex({ format: 'descriptor', key: 0, asc: 0, ascq: 0, incorrectLength: true, information: -16 }),
    '7200000000000010' + '000a8000fffffffffffffff0' + '04020020',
  )
})

t.test('sense data cut short tell what is left of them', async (t) => {
  const whole = buildSense({ key: 3, asc: 0x11, ascq: 0, information: 9, endOfMedium: true })
  t.match(parseSense(whole.subarray(0, 8)), { key: 3, asc: 0, ascq: 0, information: 9, endOfMedium: true })
  t.match(parseSense(whole.subarray(0, 3)), { key: 3, endOfMedium: true, information: undefined })
})

t.test('what is no sense data is refused, and nothing else is thrown', async (t) => {
  for (const bytes of [[], [0x70, 0], [0x7f, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]])
    t.throws(() => parseSense(Uint8Array.from(bytes)), { code: 'message-invalid' })
  fc.assert(
    fc.property(
      fc.constantFrom(0x70, 0x71, 0x72, 0x73, 0xf0),
      fc.uint8Array({ minLength: 2, maxLength: 40 }),
      (first, rest) => {
        const { key, asc } = parseSense(Uint8Array.from([first, ...rest]))
        return key >= 0 && key <= 15 && asc >= 0
      },
    ),
    propertyRuns(t, 2000),
  )
})
