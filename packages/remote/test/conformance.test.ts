import t from 'tap'
import { createVirtualClock, dataChannelsSuite } from '@nb/test-kit'
import { createLocalChannels } from '../src/index.ts'

t.test('channels inside one process', async (t) => {
  dataChannelsSuite(t, {
    setup: async () => {
      const clock = createVirtualClock()
      const channels = createLocalChannels({ clock })
      return { listening: channels, connecting: channels, clock, mostBufferedBytes: 65_536 }
    },
    teardown: async () => {},
  })
})
