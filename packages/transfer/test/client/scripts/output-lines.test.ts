import fc from 'fast-check'
import t from 'tap'
import { OutputLines } from '../../../src/client/scripts/output-lines.ts'

function linesOf(
  chunks: readonly Buffer[],
  bounds = { mostLines: 5, mostCharacters: 10 },
): [string[], number] {
  const lines: string[] = []
  const output = new OutputLines(bounds, (line) => lines.push(line))
  for (const chunk of chunks) output.push(chunk)
  return [lines, output.finish()]
}

t.test('lines come as they were written, however they arrive', async (t) => {
  t.same(linesOf(['a', 'b\nc\r\n\nd'].map((text) => Buffer.from(text))), [['ab', 'c', '', 'd'], 0])
  t.same(linesOf([]), [[], 0])
  const [first, second] = [Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1)]
  t.same(linesOf([first, second]), [['é'], 0])
})

t.test('what is too much is cut off and counted', async (t) => {
  t.same(linesOf([Buffer.from('1234567890\n12345678901\n')]), [['1234567890', '1234567890…'], 0])
  t.same(linesOf([Buffer.from('x\n'.repeat(8))]), [['x', 'x', 'x', 'x', 'x'], 3])
})

t.test('a hundred megabytes without a line feed take no memory', async (t) => {
  const chunk = Buffer.alloc(1 << 20, 'x')
  const [lines] = linesOf(Array.from({ length: 100 }, () => chunk))
  t.same(lines, ['xxxxxxxxxx…'])
})

t.test('how the bytes are cut does not matter', async (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 80 }),
      fc.array(fc.nat(20), { maxLength: 10 }),
      (text, cuts) => {
        const bytes = Buffer.from(text)
        const chunks: Buffer[] = []
        let at = 0
        for (const cut of cuts) chunks.push(bytes.subarray(at, (at += cut)))
        chunks.push(bytes.subarray(at))
        t.same(linesOf(chunks), linesOf([bytes]))
      },
    ),
    { numRuns: 50 },
  )
})
