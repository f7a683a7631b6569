import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type BitField, boundsOf } from '../../src/scsi/bit-field.ts'
import { buildCdb, cdbFieldAt, commandsOf, describeCdb, parseCdb } from '../../src/scsi/cdb.ts'
import type { CdbName, CommandSet } from '../../src/scsi/cdb-fields.ts'
import { cdbLayouts } from '../../src/scsi/cdb-layouts.ts'
import { propertyRuns } from '../property-runs.ts'

const fieldsOf = (name: CdbName): [string, BitField & { readonly flag: boolean }][] =>
  Object.entries(cdbLayouts[name].fields)

const anyCommand = fc
  .constantFrom<CommandSet>('tape', 'changer', 'disk')
  .chain((set) => fc.record({ set: fc.constant(set), command: fc.constantFrom(...commandsOf(set)) }))
  .chain(({ set, command }) => {
    const values = fieldsOf(command).map(([name, field]) => {
      const [min, max] = boundsOf(field)
      const value: fc.Arbitrary<boolean | number> = field.flag
        ? fc.boolean()
        : fc.oneof(
            fc.constantFrom(min, max),
            fc.maxSafeInteger().map((any) => min + (Math.abs(any) % (Math.min(max, 2 ** 32) + 1))),
          )
      return [name, value] as const
    })
    return fc.record({
      set: fc.constant(set),
      command: fc.constant(command),
      fields: fc.record(Object.fromEntries(values)),
    })
  })

t.test('what was built is what is parsed, for every command', async (t) => {
  fc.assert(
    fc.property(anyCommand, ({ set, command, fields }) => {
      const cdb = buildCdb(command, fields)
      assert.deepEqual(parseCdb(cdb, set), { command, ...fields })
    }),
    propertyRuns(t, 2000),
  )
})

t.test('no two fields of a command lie on the same bits, and none outside its CDB', async (t) => {
  for (const [command, { length }] of Object.entries(cdbLayouts)) {
    const taken = new Set<number>([0, 1, 2, 3, 4, 5, 6, 7])
    for (const [name, { byte, high, width }] of fieldsOf(command as CdbName))
      for (let bit = byte * 8 + 7 - high; bit < byte * 8 + 7 - high + width; bit++) {
        t.notOk(taken.has(bit), `${command}.${name}`)
        t.ok(bit < (length - 1) * 8, `${command}.${name} lies before the control byte`)
        taken.add(bit)
      }
  }
})

t.test('one opcode is one command of a set, but for its service action', async (t) => {
  for (const set of ['tape', 'changer', 'disk'] as const) {
    const seen = commandsOf(set).map((command) => {
      const { opcode, serviceAction } = cdbLayouts[command]
      return `${opcode}/${serviceAction ?? ''}`
    })
    t.equal(new Set(seen).size, seen.length, set)
  }
})

t.test('the bytes are those of the standards', async (t) => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  t.equal(hex(buildCdb('write-6', { transferLength: 262_144 })), '0a0004000000')
  t.equal(hex(buildCdb('read-6', { suppressLength: true, transferLength: 1 })), '080200000100')
  t.equal(hex(buildCdb('space-6', { over: 1, count: -2 })), '1101fffffe00')
  t.equal(hex(buildCdb('space-16', { over: 0, count: -1 })), '91000000ffffffffffffffff00000000')
  t.equal(hex(buildCdb('locate-16', { to: 1, identifier: 5 })), '92080000000000000000000500000000')
  t.equal(hex(buildCdb('locate-10', { object: 7 })), '2b000000000007000000')
  t.equal(hex(buildCdb('read-position', { serviceAction: 6 })), '34060000000000000000')
  t.equal(
    hex(buildCdb('move-medium', { transport: 1, source: 1024, destination: 256 })),
    'a50000010400010000000000',
  )
  t.equal(
    hex(
      buildCdb('read-element-status', {
        volumeTags: true,
        elementType: 4,
        elements: 2,
        deviceIdentifiers: true,
        allocationLength: 4096,
      }),
    ),
    'b81400000002010010000000',
  )
  t.equal(
    hex(buildCdb('report-supported-opcodes', { options: 1, opcode: 0x92, allocationLength: 512 })),
    'a30c01920000000002000000',
  )
  t.equal(hex(buildCdb('load-unload', { load: true })), '1b0000000100')
  t.equal(hex(buildCdb('start-stop-unit', { loadEject: true })), '1b0000000200')
  t.equal(
    hex(buildCdb('log-sense', { control: 1, page: 0x2e, allocationLength: 65_535 })),
    '4d006e00000000ffff00',
  )
  t.match(cdbFieldAt('space-6', 'over'), { byte: 1, high: 3 })
})

t.test('an opcode means what its command set says', async (t) => {
  const cdb = Buffer.from('2b000001000000000000', 'hex')
  t.equal(parseCdb(cdb, 'tape').command, 'locate-10')
  t.equal(parseCdb(cdb, 'changer').command, 'position-to-element')
  t.same(parseCdb(Buffer.from([0xa5]), 'tape'), { command: 'unknown-opcode', opcode: 0xa5 })
  t.equal(describeCdb(cdb, 'tape'), 'LOCATE 10')
  t.equal(describeCdb(Buffer.from([0xff]), 'tape'), 'command FFh')
})

t.test('what is no command is told, and never thrown', async (t) => {
  t.same(parseCdb(Buffer.from([0xa3, 0x05, ...Buffer.alloc(10)]), 'tape'), {
    command: 'invalid-field',
    opcode: 0xa3,
    byte: 1,
  })
  t.same(parseCdb(Buffer.from([0x08, 0, 0]), 'tape'), { command: 'invalid-field', opcode: 8, byte: 3 })
  t.same(parseCdb(Buffer.from([0x92, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]), 'tape'), {
    command: 'invalid-field',
    opcode: 0x92,
    byte: 4,
  })
  t.match(parseCdb(Buffer.alloc(0), 'tape'), { command: 'unknown-opcode' })
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 20 }),
      fc.constantFrom<CommandSet>('tape', 'changer', 'disk'),
      (bytes, set) => {
        const parsed = parseCdb(bytes, set)
        return typeof parsed.command === 'string' && describeCdb(bytes, set) !== ''
      },
    ),
    propertyRuns(t, 2000),
  )
})

t.test('a number that does not fit, and a field that is not there, are refused', async (t) => {
  t.throws(() => buildCdb('write-6', { transferLength: 2 ** 24 }), RangeError)
  t.throws(() => buildCdb('space-6', { count: -(2 ** 23) - 1 }), RangeError)
  t.throws(() => buildCdb('locate-16', { identifier: 2 ** 60 }), RangeError)
  t.throws(() => buildCdb('rewind', { nothing: 1 } as never), TypeError)
})
