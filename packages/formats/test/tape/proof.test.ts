import t from 'tap'
import {
  decodeTapeEnd,
  encodeMultiplexHeader,
  encodeTapeFragmentHeader,
  proveTapeEnd,
  proveTapeFile,
} from '../../src/index.ts'
import { fragmentFile, identity, multiplexedFile, tapeHeader, tapeOf } from '../support/tapes.ts'

const place = { ...identity, file: 2 }
const closed = { endsAtMemberBoundary: true, lastFragment: false }
const plain = fragmentFile(tapeHeader(), Buffer.alloc(512), closed)
const shared = multiplexedFile([Buffer.alloc(512), Buffer.alloc(1024)])

function prove(blocks: readonly Buffer[], where = place): unknown {
  return proveTapeFile(blocks[0] as Buffer, blocks.at(-1) as Buffer, where)
}

t.test('a file is whole with its footer, wherever it was cut not without', (t) => {
  t.match(prove(plain), { kind: 'fragment', header: tapeHeader(), footer: { fragment: 1, payloadBlocks: 1 } })
  t.match(prove(shared), { kind: 'multiplexed', footer: { streams: [{ stream: 1 }, { stream: 2 }] } })
  for (const blocks of [plain, shared])
    for (let length = 1; length < blocks.length; length++)
      t.throws(() => prove(blocks.slice(0, length)), { code: 'FORMAT_UNKNOWN' }, `cut after ${length} blocks`)
  t.end()
})

t.test('what is whole and stands elsewhere is noticed', (t) => {
  for (const blocks of [plain, shared])
    for (const other of [{ volume: 'X' }, { generation: 'g-2' }, { file: 3 }])
      t.throws(() => prove(blocks, { ...place, ...other }), { code: 'TAPE_MISPLACED' })
  // A new header was written over an old one, and the power failed before anything else: the old footer is still there.
  const header = encodeTapeFragmentHeader(tapeHeader({ backupId: 'another' }))
  t.throws(() => prove([header, ...plain.slice(1)]), { code: 'TAPE_MISPLACED' })
  const later = encodeMultiplexHeader({ ...place, created: '2026-02-02T00:00:00.000Z' })
  t.throws(() => prove([later, ...shared.slice(1)]), { code: 'TAPE_MISPLACED' })
  const multiplexed = multiplexedFile([Buffer.alloc(512)], 3)
  t.throws(() => prove([...shared.slice(0, 1), ...multiplexed.slice(1)]), { code: 'TAPE_MISPLACED' })
  t.end()
})

t.test('an end of tape follows what it says', (t) => {
  const last = plain.at(-1) as Buffer
  const end = decodeTapeEnd(tapeOf([plain]).at(-1)?.[0] as Buffer)
  const there = { ...identity, file: 3 }
  t.doesNotThrow(() => proveTapeEnd(end, last, there))
  t.throws(() => proveTapeEnd(end, last, { ...there, file: 4 }), { code: 'TAPE_MISPLACED' })
  t.throws(() => proveTapeEnd(end, shared.at(-1), there), { code: 'TAPE_MISPLACED' })
  t.throws(() => proveTapeEnd(end, undefined, there), { code: 'TAPE_MISPLACED' })
  const empty = decodeTapeEnd(tapeOf([]).at(-1)?.[0] as Buffer)
  t.doesNotThrow(() => proveTapeEnd(empty, undefined, place))
  t.throws(() => proveTapeEnd(empty, last, place), { code: 'TAPE_MISPLACED' })
  t.end()
})
