import { createWireTwin } from '@nb/remote'
import { createVirtualClock, mediaManagerSuite } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createMediaManager } from '../src/index.ts'

async function setup() {
  const components = { store: new MemoryLevel(), clock: createVirtualClock() }
  let manager = createMediaManager(components)
  await manager.start()
  const restart = async () => {
    await manager.stop()
    manager = createMediaManager(components)
    await manager.start()
    return manager
  }
  return { media: manager, restart, stop: () => manager.stop() }
}

mediaManagerSuite(t, { setup, teardown: ({ stop }) => stop() })

t.test('over a wire', async (t) => {
  mediaManagerSuite(t, {
    setup: async () => {
      const { media, restart, stop } = await setup()
      let twin = await createWireTwin({ media })
      return {
        media: twin.ports.media,
        restart: async () => {
          await twin.close()
          twin = await createWireTwin({ media: await restart() })
          return twin.ports.media
        },
        stop: async () => {
          await twin.close()
          await stop()
        },
      }
    },
    teardown: ({ stop }) => stop(),
  })
})
