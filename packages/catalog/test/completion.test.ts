import t from 'tap'
import { checkListTotals } from '../src/completion.ts'

t.test('totals that differ are told with both sizes', async (t) => {
  const totals = { entries: 1, batches: 1, bytes: 40 }
  t.doesNotThrow(() => checkListTotals('web1_5', totals, { ...totals }))
  t.throws(() => checkListTotals('web1_5', totals, { entries: 3, batches: 2, bytes: 90 }), {
    code: 'file-list-corrupt',
    message:
      'the file list of image web1_5 was sent as 1 entry in 1 batch, 40 bytes; 3 entries in 2 batches, 90 bytes are here',
  })
})
