import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { FormatError, HEADER_BYTES, decodeFragmentHeader, encodeFragmentHeader } from '../../src/index.ts'
import type { FragmentHeader } from '../../src/index.ts'
import { checksumOf, checksumText } from '../../src/checksum.ts'
import { damage, damaged } from '../support/arbitraries.ts'
import { fragmentHeader } from '../support/fragments.ts'
import { holds } from '../support/holds.ts'

const header: fc.Arbitrary<FragmentHeader> = fc.record(
  {
    backupId: fc.string({ unit: 'grapheme', maxLength: 60 }),
    client: fc.string({ unit: 'grapheme', maxLength: 60 }),
    policy: fc.string({ unit: 'grapheme', maxLength: 60 }),
    schedule: fc.string({ unit: 'grapheme', maxLength: 60 }),
    copy: fc.integer({ min: 1 }),
    fragment: fc.integer({ min: 1 }),
    streamOffset: fc.nat().map((blocks) => blocks * 512),
    startsAtMemberBoundary: fc.boolean(),
    blockBytes: fc.integer({ min: 1, max: 2048 }).map((blocks) => blocks * 512),
    created: fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  },
  { noNullPrototype: true },
)

t.test('what is encoded is decoded', (t) => {
  holds(
    t,
    300,
    fc.property(header, (fields) => {
      const bytes = encodeFragmentHeader(fields)
      assert.equal(bytes.length, HEADER_BYTES)
      assert.deepEqual(decodeFragmentHeader(Buffer.concat([bytes, Buffer.from('payload')])), fields)
    }),
  )
  t.end()
})

t.test('any damage is refused with a FormatError', (t) => {
  holds(
    t,
    300,
    fc.property(header, fc.array(damage, { minLength: 10, maxLength: 10 }), (fields, damages) => {
      const bytes = encodeFragmentHeader(fields)
      for (const one of damages) {
        const copy = damaged(bytes, one)
        try {
          decodeFragmentHeader(copy)
          if (!copy.equals(bytes)) throw new Error('damage was not seen')
        } catch (error) {
          if (!(error instanceof FormatError)) throw error
        }
      }
    }),
  )
  t.end()
})

/** Changes the JSON and makes its checksum right again. */
function forged(replace: (json: string) => string): Buffer {
  const bytes = encodeFragmentHeader(fragmentHeader())
  const text = replace(bytes.toString('utf8', 512)).slice(0, HEADER_BYTES - 512)
  bytes.fill('\n', 512)
  bytes.write(text, 512)
  bytes.fill('0', 522, 538)
  bytes.write(checksumText(checksumOf(bytes)), 522)
  return bytes
}

t.test('hostile headers with right checksums are refused', (t) => {
  const lies: [from: string, to: string, code: string][] = [
    ['nb-disk/1', 'nb-disk/2', 'FORMAT_VERSION_UNSUPPORTED'],
    ['nb-disk/1', 'other/1', 'FORMAT_UNKNOWN'],
    ['"copy":1', '"copy":0', 'FRAGMENT_INVALID'],
    ['"copy":1', '"copy":"1"', 'FRAGMENT_INVALID'],
    ['"streamOffset":0', '"streamOffset":1', 'FRAGMENT_INVALID'],
    ['"streamOffset":0', '"streamOffset":-512', 'FRAGMENT_INVALID'],
    ['"blockBytes":262144', '"blockBytes":0', 'FRAGMENT_INVALID'],
    ['"blockBytes":262144', '"blockBytes":1e300', 'FRAGMENT_INVALID'],
    ['"client":"client"', '"client":null', 'FRAGMENT_INVALID'],
    ['"startsAtMemberBoundary":true', '"startsAtMemberBoundary":1', 'FRAGMENT_INVALID'],
    ['2026-01-02', 'no time at all', 'FRAGMENT_INVALID'],
    ['}', '', 'FRAGMENT_INVALID'],
  ]
  for (const [from, to, code] of lies)
    t.throws(
      () => decodeFragmentHeader(forged((json) => json.replace(from, to))),
      { code },
      `${from} → ${to}`,
    )
  t.doesNotThrow(() => decodeFragmentHeader(forged((json) => json.replace('}', ',"later":"addition"}'))))
  t.throws(() => decodeFragmentHeader(Buffer.alloc(100)), { code: 'FRAGMENT_TRUNCATED' })
  t.throws(() => decodeFragmentHeader(Buffer.alloc(HEADER_BYTES)), { code: 'FORMAT_UNKNOWN' })
  t.end()
})

t.test('impossible headers are refused', (t) => {
  const wrong: Partial<FragmentHeader>[] = [
    { copy: 0 },
    { fragment: 1.5 },
    { streamOffset: 100 },
    { blockBytes: 1000 },
    { created: 'yesterday' },
    { policy: 'p'.repeat(8000) },
  ]
  for (const fields of wrong) t.throws(() => encodeFragmentHeader(fragmentHeader(fields)), TypeError)
  t.end()
})
