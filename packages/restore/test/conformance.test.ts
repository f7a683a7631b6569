import { createWireTwin } from '@nb/remote'
import { restoreServiceSuite } from '@nb/test-kit'
import t from 'tap'
import { createWorld } from './world.ts'

void t.test('as an object', async (t) => {
  restoreServiceSuite(t, { setup: async () => createWorld(), teardown: ({ restores }) => restores.stop() })
})

void t.test('over a wire', async (t) => {
  restoreServiceSuite(t, {
    setup: async () => {
      const world = createWorld()
      const { ports, close } = await createWireTwin({ restores: world.restores })
      return { ...world, ...ports, close, stop: world.restores.stop }
    },
    teardown: async ({ close, stop }) => {
      await close()
      await stop()
    },
  })
})
