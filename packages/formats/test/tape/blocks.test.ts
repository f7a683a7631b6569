import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  FormatError,
  MAX_STREAM_NUMBER,
  STREAM_BLOCK_BYTES,
  TAPE_BLOCK_BYTES,
  checkTapePlace,
  decodeMultiplexFooter,
  decodeMultiplexHeader,
  decodeStreamBlock,
  decodeTapeEnd,
  decodeTapeFragmentHeader,
  decodeTapeLabel,
  decodeTapeVolume,
  encodeMultiplexFooter,
  encodeMultiplexHeader,
  encodeStreamBlock,
  encodeTapeEnd,
  encodeTapeFragmentHeader,
  encodeTapeLabel,
  encodeTapeVolume,
} from '../../src/index.ts'
import type { MultiplexFooter, TapeEnd, TapeFragmentHeader, TapePlace, TapeVolume } from '../../src/index.ts'
import { checksumOf, checksumText } from '../../src/checksum.ts'
import { damage, damaged } from '../support/arbitraries.ts'
import { holds } from '../support/holds.ts'
import { created, identity, tapeHeader } from '../support/tapes.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const volumeId = fc.stringMatching(/^[A-Z0-9]{1,6}$/)
const number = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const counted = fc.integer({ min: 1, max: 2 ** 31 })
const checksum = fc.stringMatching(/^[0-9a-f]{16}$/)
const time = fc.date({ noInvalidDate: true }).map((date) => date.toISOString())
const place = { volume: volumeId, generation: fc.string({ minLength: 1, maxLength: 36 }), file: number }
const plain = { noNullPrototype: true } as const

const volume: fc.Arbitrary<TapeVolume> = fc.record(
  {
    ...{ volume: place.volume, generation: place.generation, barcode: text, pool: text, created: time },
    keyLabel: text,
  },
  { ...plain, requiredKeys: ['volume', 'generation', 'pool', 'created'] },
)

const header: fc.Arbitrary<TapeFragmentHeader> = fc
  .tuple(
    fc.record(
      {
        ...place,
        ...{ backupId: text, client: text, policy: text, schedule: text, copy: counted, fragment: counted },
        streamOffset: fc.nat().map((blocks) => blocks * 512),
        ...{ startsAtMemberBoundary: fc.boolean(), created: time },
        ...{ compression: fc.constantFrom('zstd', 'gzip'), previousVolume: volumeId },
      },
      {
        ...plain,
        requiredKeys: [
          'volume',
          'generation',
          'file',
          'backupId',
          'client',
          'policy',
          'schedule',
          'copy',
          'fragment',
          'streamOffset',
          'startsAtMemberBoundary',
          'created',
        ],
      },
    ),
    fc.option(fc.integer({ min: 1, max: MAX_STREAM_NUMBER }), { nil: undefined }),
    counted,
  )
  .map(([fields, stream, block]) =>
    stream === undefined
      ? { ...fields, block: 0, blockBytes: TAPE_BLOCK_BYTES }
      : { ...fields, block, stream, blockBytes: STREAM_BLOCK_BYTES },
  )

const end: fc.Arbitrary<TapeEnd> = fc
  .tuple(
    fc.record(
      { ...place, full: fc.boolean(), nextVolume: volumeId, created: time },
      { ...plain, requiredKeys: ['volume', 'generation', 'file', 'full', 'created'] },
    ),
    fc.option(fc.record({ fragments: counted, lastFooter: checksum }, plain), { nil: { fragments: 0 } }),
  )
  .map(([fields, last]) => ({ ...fields, ...last }))

const multiplexed: fc.Arbitrary<MultiplexFooter> = fc
  .tuple(
    fc.record({ ...place, created: time }, plain),
    fc.uniqueArray(fc.integer({ min: 1, max: MAX_STREAM_NUMBER }), { maxLength: 40 }),
    fc.infiniteStream(fc.integer({ min: 0, max: 1000 })),
    text,
  )
  .map(([fields, numbers, sizes, backupId]) => {
    let headerBlock = 0
    let last = 0
    const streams = numbers.map((stream) => {
      headerBlock += 1
      const footerBlock = headerBlock + 2 + Number(sizes.next().value)
      last = Math.max(last, footerBlock)
      return { stream, backupId, copy: 1, fragment: stream, headerBlock, footerBlock }
    })
    return { ...fields, streams, blocks: last + 2 }
  })

/** Round trip, size, and what damage gives: a typed error, or what was written. */
function aBlock<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  encode: (value: T) => Buffer,
  decode: (block: Buffer) => T,
): void {
  t.test(`${name}: what is encoded is decoded, and damage is seen`, (t) => {
    holds(
      t,
      40,
      fc.property(
        arbitrary,
        fc.array(damage, { minLength: 4, maxLength: 4 }),
        fc.nat({ max: 1500 }),
        (value, damages, at) => {
          const block = encode(value)
          assert.equal(block.length, TAPE_BLOCK_BYTES)
          assert.deepEqual(decode(block), value)
          const early = Buffer.from(block)
          early[at] = (early[at] ?? 0) ^ 1
          for (const copy of [early, ...damages.map((one) => damaged(block, one))]) {
            try {
              assert.deepEqual(decode(copy), value)
              if (!copy.equals(block)) throw new Error('damage was not seen')
            } catch (error) {
              if (!(error instanceof FormatError)) throw error
            }
          }
        },
      ),
    )
    t.end()
  })
}

aBlock('self-description', volume, encodeTapeVolume, decodeTapeVolume)
aBlock('fragment header', header, encodeTapeFragmentHeader, decodeTapeFragmentHeader)
aBlock('end of tape', end, encodeTapeEnd, decodeTapeEnd)
aBlock(
  'multiplex header',
  fc.record({ ...place, created: time }, plain),
  encodeMultiplexHeader,
  decodeMultiplexHeader,
)
aBlock('list of streams', multiplexed, encodeMultiplexFooter, decodeMultiplexFooter)

t.test('label: ANSI fields at their places', (t) => {
  const label = encodeTapeLabel('AB12')
  t.equal(label.toString('latin1'), `VOL1AB12  ${' '.repeat(14)}NB-TAPE/1    NB${' '.repeat(40)}4`)
  holds(
    t,
    200,
    fc.property(volumeId, damage, (id, one) => {
      const bytes = encodeTapeLabel(id)
      assert.equal(decodeTapeLabel(bytes), id)
      const copy = damaged(bytes, one)
      try {
        // The label has no checksum; an id that is another is told by the block after it.
        assert.ok(encodeTapeLabel(decodeTapeLabel(copy)).equals(copy))
      } catch (error) {
        if (!(error instanceof FormatError)) throw error
      }
    }),
  )
  for (const bad of ['', 'ABCDEFG', 'ab', 'A B']) t.throws(() => encodeTapeLabel(bad), TypeError)
  const newer = Buffer.from(label.toString('latin1').replace('NB-TAPE/1', 'NB-TAPE/2'))
  t.throws(() => decodeTapeLabel(newer), { code: 'FORMAT_VERSION_UNSUPPORTED' })
  t.end()
})

t.test('data blocks of streams say whose they are', (t) => {
  const sizes = fc.oneof(fc.constant(STREAM_BLOCK_BYTES), fc.integer({ min: 1, max: STREAM_BLOCK_BYTES }))
  holds(
    t,
    60,
    fc.property(
      fc.record(
        {
          stream: fc.integer({ min: 1, max: MAX_STREAM_NUMBER }),
          sequence: fc.nat({ max: 99_999_999 }),
          headerChecksum: checksum,
        },
        plain,
      ),
      sizes,
      fc.array(damage, { minLength: 4, maxLength: 4 }),
      fc.nat({ max: 600 }),
      (which, size, damages, at) => {
        const data = Buffer.alloc(size, 'data of a stream ')
        const block = encodeStreamBlock({ ...which, data })
        assert.equal(block.length, TAPE_BLOCK_BYTES)
        assert.deepEqual(decodeStreamBlock(block, which), { ...which, data })
        const early = Buffer.from(block)
        early[at] = (early[at] ?? 0) ^ 1
        for (const copy of [early, ...damages.map((one) => damaged(block, one))]) {
          try {
            // Fill may be damaged; what is delivered is not.
            assert.deepEqual(decodeStreamBlock(copy), { ...which, data })
          } catch (error) {
            if (!(error instanceof FormatError)) throw error
          }
        }
      },
    ),
  )
  const which = { stream: 3, sequence: 7, headerChecksum: '0123456789abcdef' }
  const block = encodeStreamBlock({ ...which, data: Buffer.from('x') })
  for (const other of [{ stream: 4 }, { sequence: 8 }, { headerChecksum: 'f'.repeat(16) }])
    t.throws(() => decodeStreamBlock(block, { ...which, ...other }), { code: 'TAPE_MISPLACED' })
  t.throws(() => decodeStreamBlock(encodeTapeLabel('A')), { code: 'FRAGMENT_TRUNCATED' })
  t.throws(() => decodeStreamBlock(Buffer.alloc(TAPE_BLOCK_BYTES)), { code: 'FORMAT_UNKNOWN' })
  t.end()
})

t.test('a block of another place is noticed', (t) => {
  const here: TapePlace = { ...identity, file: 4 }
  t.doesNotThrow(() => checkTapePlace({ ...here }, here))
  for (const other of [{ volume: 'X' }, { generation: 'g-0' }, { file: 5 }])
    t.throws(() => checkTapePlace({ ...here, ...other }, here), { code: 'TAPE_MISPLACED' })
  t.end()
})

/** Changes the JSON of a block and makes its checksum right again. */
function forged(block: Buffer, from: string, to: string): Buffer {
  const json = block.toString('utf8', 512).replace(/\n+$/, '\n').replace(from, to)
  const copy = Buffer.concat([block.subarray(0, 512), Buffer.alloc(block.length - 512, '\n')])
  copy.write(json, 512)
  copy.write('0'.repeat(16), 522)
  copy.write(checksumText(checksumOf(copy)), 522)
  return copy
}

t.test('what is whole and impossible is refused', (t) => {
  const header = encodeTapeFragmentHeader(tapeHeader())
  t.throws(() => decodeTapeFragmentHeader(forged(header, 'nb-tape/1', 'nb-tape/2')), {
    code: 'FORMAT_VERSION_UNSUPPORTED',
  })
  t.throws(() => decodeTapeFragmentHeader(forged(header, 'nb-tape/1', 'nb-disk/1')), {
    code: 'FORMAT_UNKNOWN',
  })
  const faults: [string, string][] = [
    ['"volume":"NB0001"', '"volume":"nb"'],
    ['"file":2', '"file":4294967296'],
    ['"block":0', '"block":1'],
    ['"block":0', '"block":0,"stream":1'],
    ['"block":0', '"block":1,"stream":100'],
    ['"blockBytes":262144', '"blockBytes":261632'],
    ['"streamOffset":0', '"streamOffset":1'],
    ['"created":"2026', '"created":"x'],
    ['"created":', '"previousVolume":"","created":'],
  ]
  for (const [from, to] of faults)
    t.throws(() => decodeTapeFragmentHeader(forged(header, from, to)), { code: 'FRAGMENT_INVALID' }, to)
  t.same(
    decodeTapeFragmentHeader(forged(header, '"block":0', '"block":0,"later":1')),
    tapeHeader(),
    'unknown properties pass',
  )

  const last = encodeTapeEnd({ ...identity, file: 2, fragments: 0, full: false, created })
  t.throws(() => decodeTapeEnd(forged(last, '"fragments":0', '"fragments":1')), { code: 'FRAGMENT_INVALID' })
  t.throws(() => decodeTapeEnd(header), { code: 'FORMAT_UNKNOWN' })
  t.end()
})

t.test('what cannot be written is a TypeError', (t) => {
  const bad: Partial<TapeFragmentHeader>[] = [
    { volume: 'too long' },
    { generation: '' },
    { file: -1 },
    { block: 1 },
    { stream: 0, block: 1 },
    { stream: 100, block: 1 },
    { blockBytes: 512 },
    { streamOffset: 1 },
    { copy: 0 },
    { fragment: 0 },
    { created: 'now' },
    { previousVolume: '?' },
    { client: 'x'.repeat(TAPE_BLOCK_BYTES) },
  ]
  for (const fields of bad) t.throws(() => encodeTapeFragmentHeader(tapeHeader(fields)), TypeError)
  const end = { ...identity, file: 3, fragments: 1, lastFooter: '0'.repeat(16), full: true, created }
  t.throws(() => encodeTapeEnd({ ...end, fragments: 0 }), TypeError)
  t.throws(() => encodeTapeEnd({ ...end, lastFooter: 'x' }), TypeError)
  t.throws(() => encodeTapeEnd({ ...end, nextVolume: '' }), TypeError)
  const stream = { stream: 1, backupId: 'a', copy: 1, fragment: 1, headerBlock: 1, footerBlock: 3 }
  const listed = (streams: MultiplexFooter['streams'], blocks = 5): Buffer =>
    encodeMultiplexFooter({ ...identity, file: 2, created, blocks, streams })
  t.doesNotThrow(() => listed([stream]))
  t.throws(() => listed([stream, stream]), TypeError)
  t.throws(() => listed([stream], 4), TypeError)
  t.throws(() => listed([{ ...stream, footerBlock: 2 }]), TypeError)
  t.end()
})
