import { createMediaManager } from '@nb/emm'
import { createWireTwin } from '@nb/remote'
import { createVirtualClock, resourceBrokerSuite } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createResourceBroker } from '../src/index.ts'

const leaseMs = 300_000

async function setup() {
  const clock = createVirtualClock()
  const media = createMediaManager({ store: new MemoryLevel(), clock })
  await media.start()
  const components = { media, store: new MemoryLevel(), clock }
  let broker = createResourceBroker(components, { leaseMs })
  await broker.start()
  const stop = async () => {
    await broker.stop()
    await media.stop()
  }
  const restart = async () => {
    await broker.stop()
    broker = createResourceBroker(components, { leaseMs })
    await broker.start()
    return broker
  }
  return { broker, media, clock, leaseMs, restart, stop }
}

resourceBrokerSuite(t, { setup, teardown: ({ stop }) => stop() })

t.test('over a wire', async (t) => {
  resourceBrokerSuite(t, {
    unsupported: ['abort-undoes-grant'],
    setup: async () => {
      const local = await setup()
      let twin = await createWireTwin({ broker: local.broker })
      const restart = async () => {
        await twin.close()
        twin = await createWireTwin({ broker: await local.restart() })
        return twin.ports.broker
      }
      const stop = async () => {
        await twin.close()
        await local.stop()
      }
      return { ...local, broker: twin.ports.broker, restart, stop }
    },
    teardown: ({ stop }) => stop(),
  })
})
