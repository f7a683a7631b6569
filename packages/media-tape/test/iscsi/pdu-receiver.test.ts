import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { PduReceiver } from '../../src/iscsi/pdu-receiver.ts'
import { propertyRuns } from '../property-runs.ts'
import { type Digests, wire } from './target-side.ts'

interface Pdu {
  readonly header: Buffer
  readonly data: Buffer
}

// A long run takes two minutes.
t.setTimeout(600_000)

const pdu: fc.Arbitrary<Pdu> = fc
  .tuple(
    fc.uint8Array({ minLength: 48, maxLength: 48 }),
    fc.oneof(fc.nat(64), fc.nat(20_000), fc.constantFrom(0, 8191, 8192, 32_768, 70_001)),
    fc.nat(250),
  )
  .map(([bytes, length, seed]) => {
    const header = Buffer.from(bytes)
    header[4] = 0
    header.writeUIntBE(length, 5, 3)
    return { header, data: Buffer.from(Array.from({ length }, (_, at) => (at * 7 + seed) & 255)) }
  })
const digests: fc.Arbitrary<Digests> = fc.record({ header: fc.boolean(), data: fc.boolean() })
const chunks = fc.array(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 100_000 })), {
  minLength: 1,
  maxLength: 8,
})

/** Feeds bytes in chunks as a socket would; gives what came out, and whether data were put into the places they were given. */
function receive(bytes: Buffer, sizes: readonly number[], { header, data }: Digests, places: boolean) {
  const got: Pdu[] = []
  const given: (Buffer | undefined)[] = []
  let placed: Buffer | undefined
  const receiver = new PduReceiver(
    {
      placeFor: (head) => (placed = places ? Buffer.alloc(head.readUIntBE(5, 3)) : undefined),
      take: (head, body) => {
        given.push(placed !== undefined && body === placed ? placed : undefined)
        got.push({ header: Buffer.from(head), data: Buffer.from(body) })
        placed = undefined
      },
    },
    { maxDataBytes: 2 ** 20, headerDigest: header, dataDigest: data },
  )
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const { target } = receiver
    assert.ok(target.length > 0, 'there is always room')
    const size = Math.min(sizes[turn % sizes.length] ?? 1, target.length, bytes.length - at)
    target.set(bytes.subarray(at, at + size))
    at += size
    receiver.filled(size)
  }
  return { got, given, receiver }
}

t.test('PDUs come out whole however their bytes come in', async (t) => {
  fc.assert(
    fc.property(
      fc.array(pdu, { maxLength: 6 }),
      digests,
      chunks,
      fc.boolean(),
      (pdus, digests, sizes, places) => {
        const bytes = Buffer.concat(pdus.map((one) => wire(one.header, one.data, digests)))
        const { got, given, receiver } = receive(bytes, sizes, digests, places)
        assert.equal(got.length, pdus.length)
        got.forEach((one, at) => {
          assert.ok(one.header.equals(pdus[at]?.header ?? Buffer.alloc(0)))
          assert.ok(one.data.equals(pdus[at]?.data ?? Buffer.alloc(0)))
          assert.equal(given[at] !== undefined, places && one.data.length > 0, 'data are where they belong')
        })
        assert.equal(receiver.midway, false)
      },
    ),
    propertyRuns(t, 150),
  )
})

t.test('with digests no damaged PDU comes out', async (t) => {
  const both = { header: true, data: true }
  fc.assert(
    fc.property(
      fc.array(pdu, { minLength: 1, maxLength: 3 }),
      chunks,
      fc.nat(),
      fc.nat(7),
      (pdus, sizes, where, bit) => {
        const bytes = Buffer.concat(pdus.map((one) => wire(one.header, one.data, both)))
        const at = where % bytes.length
        bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at)
        const got: Pdu[] = []
        const receiver = new PduReceiver(
          {
            placeFor: () => undefined,
            take: (header, data) => got.push({ header: Buffer.from(header), data: Buffer.from(data) }),
          },
          { maxDataBytes: 2 ** 20, headerDigest: true, dataDigest: true },
        )
        let damage: unknown
        try {
          for (let from = 0, turn = 0; from < bytes.length; turn++) {
            const { target } = receiver
            const size = Math.min(sizes[turn % sizes.length] ?? 1, target.length, bytes.length - from)
            target.set(bytes.subarray(from, from + size))
            from += size
            receiver.filled(size)
          }
        } catch (error) {
          damage = error
        }
        // A length that was damaged may also have it wait for more.
        assert.ok(damage !== undefined || receiver.midway)
        if (damage !== undefined) assert.equal((damage as { code?: string }).code, 'message-invalid')
        assert.ok(got.length < pdus.length)
        got.forEach((one, n) => {
          assert.ok(one.header.equals(pdus[n]?.header ?? Buffer.alloc(0)))
          assert.ok(one.data.equals(pdus[n]?.data ?? Buffer.alloc(0)))
        })
      },
    ),
    propertyRuns(t, 150),
  )
})

t.test('more data than was agreed on is refused before any of them is taken', async (t) => {
  const header = Buffer.alloc(48)
  header.writeUIntBE(8193, 5, 3)
  const receiver = new PduReceiver(
    { placeFor: () => t.fail('no place is asked for') as never, take: () => t.fail('nothing is taken') },
    { maxDataBytes: 8192, headerDigest: false, dataDigest: false },
  )
  receiver.target.set(header)
  t.throws(() => receiver.filled(48), { code: 'message-invalid', details: { dataBytes: 8193 } })
})

t.test('additional headers are passed over, and belong to the digest', async (t) => {
  const header = Buffer.alloc(48 + 8, 3)
  header[4] = 2
  header.writeUIntBE(5, 5, 3)
  const digests = { header: true, data: true }
  const { got } = receive(wire(header, Buffer.from('12345'), digests), [13], digests, false)
  t.equal(got.length, 1)
  t.equal(got[0]?.data.toString(), '12345')
  t.ok(got[0]?.header.equals(header.subarray(0, 48)))
})
