import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createVirtualClock, dataChannelsSuite } from '@nb/test-kit'
import { createLocalChannels, createSocketChannels, type SocketChannels } from '../src/index.ts'

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

t.test('channels over Unix sockets', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'nb-channels-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  let open: SocketChannels[] = []
  dataChannelsSuite(t, {
    setup: async () => {
      const clock = createVirtualClock()
      const listening = createSocketChannels({ clock }, { directory })
      const connecting = createSocketChannels({ clock }, { directory })
      open = [connecting, listening]
      return { listening, connecting, clock, mostBufferedBytes: 5 * 2 ** 20 }
    },
    teardown: async () => {
      for (const channels of open) await channels.close()
    },
  })
})
