import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import t from 'tap'
import {
  TAPE_LABEL_BYTES,
  checkTapeFooter,
  decodeMultiplexFooter,
  decodeMultiplexHeader,
  decodeStreamBlock,
  decodeTapeEnd,
  decodeTapeFragmentFooter,
  decodeTapeFragmentHeader,
  recogniseTape,
  tapeBlockChecksum,
} from '../../src/index.ts'
import { readTapeFile } from '../support/independent-tape.ts'
import {
  blocksOf,
  created,
  fragmentFile,
  identity,
  multiplexedFile,
  tapeHeader,
  tapeOf,
} from '../support/tapes.ts'

// What was written once is read for ever. `--write` makes the file where it is missing. It holds all blocks of a tape, one
// after the other, in gzip as they are mostly padding.

const file = new URL('../golden/nb-tape-1.bin.gz', import.meta.url)

function goldenTape(): Buffer[] {
  const plain = fragmentFile(tapeHeader(), Buffer.alloc(1024, 'plain '), {
    ...{ endsAtMemberBoundary: true, lastFragment: true },
  })
  return tapeOf([plain, multiplexedFile([Buffer.alloc(512, 'one '), Buffer.alloc(1024, 'two ')], 3)]).flat()
}

if (process.argv.includes('--write') && !existsSync(file))
  writeFileSync(file, gzipSync(Buffer.concat(goldenTape())))

t.test('nb-tape/1', (t) => {
  const bytes = gunzipSync(readFileSync(file))
  const [label, rest] = [bytes.subarray(0, TAPE_LABEL_BYTES), blocksOf(bytes.subarray(TAPE_LABEL_BYTES))]
  const [volume, , ...blocks] = rest as [Buffer, Buffer, ...Buffer[]]
  t.match(recogniseTape({ kind: 'block', bytes: label }, { kind: 'block', bytes: volume }), {
    kind: 'nb',
    volume: { ...identity, pool: 'Default', created },
  })
  const plain = blocks.slice(0, 4)
  const [first, last] = [plain[0] as Buffer, plain[3] as Buffer]
  t.same(decodeTapeFragmentHeader(first), tapeHeader())
  checkTapeFooter(decodeTapeFragmentFooter(last), decodeTapeFragmentHeader(first), first)
  t.same(readTapeFile(plain).get('client_1700000000'), Buffer.alloc(1024, 'plain '))

  const shared = blocks.slice(4, -1)
  t.same(decodeMultiplexHeader(shared[0] as Buffer), { ...identity, file: 3, created })
  const { streams } = decodeMultiplexFooter(shared.at(-1) as Buffer)
  t.same(streams.map(({ stream, headerBlock }) => [stream, headerBlock]), [[1, 1], [2, 2]]) // prettier-ignore
  const data = shared
    .filter((block) => block.toString('latin1', 0, 11) === '.nb/stream-')
    .map((block) => decodeStreamBlock(block))
  t.same(data.map(({ data }) => data), [Buffer.alloc(512, 'one '), Buffer.alloc(1024, 'two ')]) // prettier-ignore

  const end = decodeTapeEnd(blocks.at(-1) as Buffer)
  t.match(end, { ...identity, file: 4, fragments: 2, full: false })
  t.equal(end.lastFooter, tapeBlockChecksum(shared.at(-1) as Buffer))
  // The text for people in the first two files may get better.
  t.ok(
    Buffer.concat(goldenTape().slice(3)).equals(Buffer.concat(blocks)),
    'the encoder still writes these bytes',
  )
  t.end()
})
