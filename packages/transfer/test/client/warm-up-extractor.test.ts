import { readdirSync } from 'node:fs'
import { systemClock } from '@nb/contracts'
import t from 'tap'
import { warmUpExtractor } from '../../src/client/extractor/warm-up-extractor.ts'

const openDescriptors = (): number => readdirSync('/proc/self/fd').length

t.test('a small tree is restored many times, step by step, and nothing is made or opened', async (t) => {
  const root = readdirSync('/')
  const before = openDescriptors()
  const steps = [...warmUpExtractor(systemClock())].length
  t.equal(steps, 120)
  t.equal(openDescriptors(), before)
  t.strictSame(readdirSync('/'), root)
})
