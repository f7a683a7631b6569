import t from 'tap'
import { encodeTapeLabel, encodeTapeVolume, recogniseTape } from '../../src/index.ts'
import type { TapeRead } from '../../src/index.ts'
import { tarOf } from '../support/archive.ts'
import { created, identity } from '../support/tapes.ts'

const volume = { ...identity, pool: 'Default', created }
const label = encodeTapeLabel(identity.volume)
const description = encodeTapeVolume(volume)
const block = (bytes: Buffer): TapeRead => ({ kind: 'block', bytes })

function at(offset: number, mark: string | Buffer): TapeRead {
  const bytes = Buffer.alloc(1024, 1)
  bytes.set(Buffer.from(mark), offset)
  return block(bytes)
}

t.test('ours', (t) => {
  t.same(recogniseTape(block(label), block(description)), { kind: 'nb', volume })
  const damaged = { kind: 'nb-damaged', volumeId: identity.volume }
  t.same(recogniseTape(block(label)), damaged)
  t.same(recogniseTape(block(label), { kind: 'filemark' }), damaged)
  t.same(recogniseTape(block(label), { kind: 'end-of-data' }), damaged)
  t.same(recogniseTape(block(label), block(description.subarray(1))), damaged)
  const other = encodeTapeVolume({ ...volume, volume: 'NB0002' })
  t.same(recogniseTape(block(label), block(other)), damaged, "another tape's description")
  const impossible = Buffer.from(label)
  impossible[60] = 0x41
  t.same(recogniseTape(block(impossible), block(description)), { kind: 'nb-damaged' })
  const newer = Buffer.from(label.toString('latin1').replace('NB-TAPE/1', 'NB-TAPE/9'))
  t.same(recogniseTape(block(newer), block(description)), { kind: 'nb-newer' })
  t.end()
})

t.test('nothing, and nobody knows', (t) => {
  t.same(recogniseTape({ kind: 'end-of-data' }), { kind: 'blank' })
  t.same(recogniseTape({ kind: 'unreadable' }), { kind: 'unreadable' })
  t.same(recogniseTape(block(label), { kind: 'unreadable' }), { kind: 'unreadable' })
  t.same(recogniseTape({ kind: 'filemark' }), { kind: 'foreign', writer: 'unknown' })
  t.end()
})

t.test('others', (t) => {
  const ansi = Buffer.from(`VOL1XYZ   ${' '.repeat(69)}3`)
  const ltfs = Buffer.from(`VOL1LT0001L${' '.repeat(13)}LTFS${' '.repeat(51)}4`)
  t.same(recogniseTape(block(ansi)), { kind: 'foreign', writer: 'ansi', volumeId: 'XYZ' })
  t.same(recogniseTape(block(ltfs)), { kind: 'foreign', writer: 'ltfs', volumeId: 'LT0001' })
  const dump = Buffer.alloc(4)
  dump.writeInt32LE(60012)
  const kinds: [string, TapeRead][] = [
    ['ansi', at(0, Buffer.from([0xe5, 0xd6, 0xd3, 0xf1]))],
    ['bacula', at(12, 'BB02')],
    ['bacula', at(36, 'Bacula 1.0 immortal\n')],
    ['bacula', at(36, 'Bareos 2.0 immortal\n')],
    ['amanda', at(0, 'AMANDA: TAPESTART DATE X TAPE Y')],
    ['mtf', at(0, 'TAPE')],
    ['cpio', at(0, '070701')],
    ['cpio', at(0, Buffer.from([0xc7, 0x71]))],
    ['dump', at(24, dump)],
    ['dump', at(24, dump.reverse())],
    [
      'tar',
      block(
        tarOf([{ path: Buffer.from('a'), kind: 'file', mode: 0, uid: 0, gid: 0, sizeBytes: 0, mtimeNs: 0n }]),
      ),
    ],
    ['unknown', block(Buffer.alloc(1024))],
    ['unknown', block(Buffer.alloc(0))],
    ['unknown', block(label.subarray(1))],
  ]
  for (const [writer, read] of kinds) t.same(recogniseTape(read), { kind: 'foreign', writer }, writer)
  t.end()
})
