import t from 'tap'
import { mediaStoreSuite } from '@nb/test-kit'
import { setupDisk } from './fixture.ts'

t.test('a disk storage unit', async (t) => {
  mediaStoreSuite(t, { setup: () => setupDisk(t.testdir()), teardown: async () => undefined })
})
