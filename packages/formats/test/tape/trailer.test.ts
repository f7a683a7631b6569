import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  FormatError,
  STREAM_BLOCK_BYTES,
  TAPE_BLOCK_BYTES,
  checkBlock,
  checkTapeFooter,
  checkTrailerMember,
  decodeTapeFragmentFooter,
  decodeTapeFragmentHeader,
  encodeTapeFragmentHeader,
  encodeTapeTrailer,
  fillAfter,
  filledBlocks,
} from '../../src/index.ts'
import { damage, damaged } from '../support/arbitraries.ts'
import { holds } from '../support/holds.ts'
import { blocksOf, fragmentFile, multiplexedFile, sumsOf, tapeHeader } from '../support/tapes.ts'

t.test('fill makes blocks whole, and never more than one of its own', (t) => {
  const kind = fc.constantFrom(undefined, 'zstd' as const, 'gzip' as const)
  holds(
    t,
    500,
    fc.property(fc.nat({ max: 3000 }), fc.nat({ max: 511 }), kind, (count, rest, compression) => {
      const bytes = count * 512 + (compression === undefined ? 0 : rest)
      const fill = fillAfter(bytes, compression)
      assert.equal((bytes + fill.length) % TAPE_BLOCK_BYTES, 0)
      assert.equal((bytes + fill.length) / TAPE_BLOCK_BYTES, filledBlocks(bytes, compression))
      assert.ok(fill.length < TAPE_BLOCK_BYTES + 25)
    }),
  )
  t.throws(() => fillAfter(1), TypeError)
  t.throws(() => fillAfter(-512), TypeError)
  t.end()
})

t.test('a fragment is whole from its footer back', (t) => {
  holds(
    t,
    25,
    fc.property(
      fc.nat({ max: 1200 }),
      fc.boolean(),
      fc.nat({ max: 600_000 }),
      fc.array(damage, { minLength: 4, maxLength: 4 }),
      (count, lastFragment, listBytes, damages) => {
        const payload = Buffer.alloc(count * 512, 'payload ')
        const header = tapeHeader({ fragment: 2, streamOffset: 512 })
        const list = Buffer.alloc(listBytes, 'list ')
        const blocks = fragmentFile(header, payload, {
          endsAtMemberBoundary: true,
          lastFragment,
          files: [list],
        })
        for (const block of blocks) assert.equal(block.length, TAPE_BLOCK_BYTES)
        const first = blocks[0] as Buffer
        const last = blocks.at(-1) as Buffer
        const footer = decodeTapeFragmentFooter(last)
        checkTapeFooter(footer, decodeTapeFragmentHeader(first), first)
        assert.equal(footer.block, blocks.length - 1)
        assert.equal(footer.lastFragment, lastFragment)
        assert.equal(footer.payloadBytes, payload.length)
        const trailer = Buffer.concat(blocks.slice(1 + footer.payloadBlocks, -1))
        assert.equal(trailer.length, footer.trailerBlocks * TAPE_BLOCK_BYTES)
        const contents = footer.members.map((member) => {
          const data = trailer.subarray(member.offset, member.offset + member.sizeBytes)
          checkTrailerMember(data, member)
          return data
        })
        assert.ok(contents[1]?.equals(list))
        for (let index = 0; index < footer.payloadBlocks; index++)
          checkBlock(blocks[1 + index] as Buffer, contents[2] as Buffer, index)
        for (const one of damages) {
          const copy = damaged(last, one)
          try {
            assert.deepEqual(decodeTapeFragmentFooter(copy), footer)
            if (!copy.equals(last)) throw new Error('damage was not seen')
          } catch (error) {
            if (!(error instanceof FormatError)) throw error
          }
        }
      },
    ),
  )
  t.end()
})

t.test('the footer of another writing does not close a header', (t) => {
  const file = (generation: string, backupId = 'a'): Buffer[] =>
    fragmentFile(tapeHeader({ generation, backupId }), Buffer.alloc(512), {
      endsAtMemberBoundary: true,
      lastFragment: false,
    })
  const first = file('g-1')[0] as Buffer
  const header = decodeTapeFragmentHeader(first)
  for (const other of [file('g-0'), file('g-1', 'b')]) {
    const footer = decodeTapeFragmentFooter(other.at(-1) as Buffer)
    t.throws(() => checkTapeFooter(footer, header, first), { code: 'TAPE_MISPLACED' })
  }
  t.throws(() => decodeTapeFragmentFooter(first), { code: 'FORMAT_UNKNOWN' })
  t.throws(() => decodeTapeFragmentFooter(Buffer.alloc(80)), { code: 'FRAGMENT_TRUNCATED' })
  t.end()
})

t.test('streams of a multiplexed file have the places of their blocks', (t) => {
  const blocks = multiplexedFile([
    Buffer.alloc(3 * STREAM_BLOCK_BYTES, 'a'),
    Buffer.alloc(512, 'b'),
    Buffer.alloc(0),
  ])
  const footers = blocks.filter((block) => block.toString('latin1', 0, 15) === '.nb/FOOTER.json')
  const decoded = footers.map((block) => decodeTapeFragmentFooter(block))
  t.same(decoded.map(({ stream, payloadBlocks }) => [stream, payloadBlocks]).sort(), [
    [1, 3],
    [2, 1],
    [3, 0],
  ])
  for (const footer of decoded) t.ok(blocks[footer.block]?.equals(footers[decoded.indexOf(footer)] as Buffer))
  t.end()
})

t.test('sizes that do not go together are a TypeError', (t) => {
  const payload = Buffer.alloc(TAPE_BLOCK_BYTES)
  const good = {
    ...{ header: encodeTapeFragmentHeader(tapeHeader()), block: 2, payloadBytes: payload.length },
    ...{
      endsAtMemberBoundary: false,
      lastFragment: false,
      image: {},
      files: [],
      blocks: sumsOf(blocksOf(payload)),
    },
  }
  t.equal([...encodeTapeTrailer(good)].length, 2)
  const bad = [
    { payloadBytes: 1 },
    { payloadBytes: 512 },
    { storedBytes: 512 },
    { block: 1 },
    { block: 3 },
    { blocks: Buffer.alloc(16) },
    { frames: Buffer.alloc(8) },
    { places: [1] },
  ]
  for (const fields of bad)
    t.throws(() => encodeTapeTrailer({ ...good, ...fields }), TypeError, JSON.stringify(fields))
  t.end()
})
