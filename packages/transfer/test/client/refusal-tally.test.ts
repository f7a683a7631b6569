import t from 'tap'
import { RefusalTally } from '../../src/client/extractor/refusal-tally.ts'

function told(entries: number, attribute: 'owner' | 'mode'): string[] {
  const texts: string[] = []
  const tally = new RefusalTally(({ text }) => void texts.push(text))
  for (let at = 0; at < entries; at += 1) tally.forPath(Buffer.from(`/${at}`))(attribute, 'EPERM')
  tally.finish()
  return texts
}

t.test('owners that only root may give are one line', async (t) => {
  t.same(told(1, 'owner'), ['1 entry stayed with whoever restored: only root may give files away'])
  t.same(told(30, 'owner'), ['30 entries stayed with whoever restored: only root may give files away'])
})

t.test('of other refusals the first ten are named, the rest is counted', async (t) => {
  t.equal(told(10, 'mode').length, 10)
  t.equal(told(11, 'mode').at(-1), '1 more entry could not be given their mode: EPERM')
  t.equal(told(12, 'mode').at(-1), '2 more entries could not be given their mode: EPERM')
})
