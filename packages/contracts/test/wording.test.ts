import t from 'tap'
import { counted } from '../src/wording.ts'

t.test('one is singular, everything else plural', async (t) => {
  t.equal(counted(1, 'batch', 'batches'), '1 batch')
  t.equal(counted(0, 'batch', 'batches'), '0 batches')
  t.equal(counted(2, 'time'), '2 times')
})
