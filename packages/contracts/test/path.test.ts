import fc from 'fast-check'
import t from 'tap'
import { displayPath, pathFromBytes, pathToBytes, toPath } from '../src/path.ts'

t.test('every row of bytes comes back from its path, also through JSON and structured clone', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const path = pathFromBytes(bytes)
      const travelled = structuredClone(JSON.parse(JSON.stringify(path)) as typeof path)
      return Buffer.compare(pathToBytes(travelled), bytes) === 0
    }),
    { numRuns: 5000 },
  )
  t.pass('5,000 random rows')
})

t.test('different bytes never give the same path', async (t) => {
  const rows = [[0xed, 0xb2, 0x80], [0x80], [0xc2, 0x80], [0xff], [0xc3, 0xbf], [0xf4, 0x90, 0x80, 0x80]]
  const paths = rows.map((row) => pathFromBytes(Uint8Array.from(row)))
  t.equal(new Set(paths).size, rows.length)
})

t.test('ordinary names stay ordinary strings', async (t) => {
  t.equal(pathFromBytes(Buffer.from('/srv/Bücher/漢字 😀')), '/srv/Bücher/漢字 😀')
})

t.test('what reaches a terminal holds neither undecodable bytes nor control characters', async (t) => {
  t.equal(displayPath(pathFromBytes(Buffer.from([0x61, 0xff, 0x0a, 0x1b]))), 'a\\xff\\x0a\\x1b')
  t.equal(displayPath(pathFromBytes(Buffer.from('\u009b2J\u2028'))), '\\xc2\\x9b2J\\xe2\\x80\\xa8')
  t.equal(displayPath(toPath('plain')), 'plain')
})

t.test('a backslash is shown doubled, so that no name looks like another', async (t) => {
  t.equal(displayPath(toPath('a\\b')), 'a\\\\b')
  t.not(displayPath(toPath('\\xff')), displayPath(pathFromBytes(Uint8Array.of(0xff))))
  const row = fc.uint8Array({ maxLength: 8 }).map((bytes) => pathFromBytes(bytes))
  fc.assert(fc.property(row, row, (one, other) => one === other || displayPath(one) !== displayPath(other)))
})

t.test('a name that begins with a byte order mark keeps it', async (t) => {
  const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x61])
  t.same(pathToBytes(pathFromBytes(bytes)), bytes)
})
