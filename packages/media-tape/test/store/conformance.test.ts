import { mediaStoreSuite } from '@nb/test-kit'
import t from 'tap'
import { tapeRig } from './tape-rig.ts'

t.test('a tape storage unit', async (t) => {
  mediaStoreSuite(t, {
    setup: () => tapeRig(),
    teardown: async () => undefined,
    unsupported: ['removal', 'numbers'],
  })
})

t.test('a tape storage unit whose jobs share their volumes', async (t) => {
  mediaStoreSuite(t, {
    setup: () => tapeRig({}, 'group1'),
    teardown: async () => undefined,
    unsupported: ['removal', 'numbers'],
  })
})
