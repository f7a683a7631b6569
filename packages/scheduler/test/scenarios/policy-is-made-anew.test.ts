import { createPowerLossStorage, createScriptedJobs, createVirtualClock, nightlyPolicy } from '@nb/test-kit'
import t from 'tap'
import { createScheduler } from '../../src/scheduler.ts'

/** A scheduler on a database whose power may fail; `boot` starts it, as after a restart. */
const site = (hit: () => boolean = () => false) => {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1, 7))
  const storage = createPowerLossStorage({ faults: { hit, pending: [], assertAllHit: () => undefined } })
  const scripted = createScriptedJobs(clock)
  const log = { append: () => Promise.resolve() }
  const boot = async () => {
    const store = storage.database('master')
    const scheduler = createScheduler({ ...scripted, clock, log, store }, { timeZone: 'UTC' })
    await scheduler.start()
    return scheduler
  }
  return { clock, storage, boot }
}

const name = 'nightly'

t.test(
  'a policy is removed and made anew: what was read before is refused, also after a restart',
  async (t) => {
    const { boot, clock } = site()
    const first = await boot()
    await first.putPolicy({ policy: nightlyPolicy() })
    await first.removePolicy({ name })
    t.strictSame(await first.policyRemoval({ name }), { name, generation: 1, removedAt: clock.now() })
    await first.stop()
    const second = await boot()
    await t.rejects(second.putPolicy({ policy: nightlyPolicy(), generation: 1 }), {
      code: 'generation-conflict',
      message: /policy nightly was removed at generation 1/,
    })
    t.match(await second.putPolicy({ policy: nightlyPolicy({ priority: 7 }) }), { generation: 2 })
    await second.stop()
    const third = await boot()
    await t.rejects(third.putPolicy({ policy: nightlyPolicy(), generation: 1 }), {
      code: 'generation-conflict',
      message: /is at generation 2, not 1/,
    })
    t.match(await third.getPolicy({ name }), { priority: 7 })
    await third.stop()
  },
)

t.test('the power fails while a policy is removed or made anew: no generation comes twice', async (t) => {
  let losses = 0
  for (let lossAt = 0, isHit = true; isHit; lossAt++) {
    isHit = false
    let operation = -1000
    const { storage, boot } = site(() => operation++ === lossAt && (isHit = true))
    const before = await boot()
    await before.putPolicy({ policy: nightlyPolicy() })
    operation = 0
    const change = async () => {
      await before.removePolicy({ name })
      await before.putPolicy({ policy: nightlyPolicy({ priority: 2 }) })
    }
    await change().catch(() => undefined)
    operation = -1000
    if (!isHit) break
    losses += 1
    storage.restore()
    const scheduler = await boot()
    const policy = await scheduler.getPolicy({ name })
    const removal = await scheduler.policyRemoval({ name })
    t.equal((policy === undefined) !== (removal === undefined), true, 'it is there, or its removal is')
    t.match(policy ?? { generation: 1 }, { generation: policy?.priority === 2 ? 2 : 1 })
    if (policy !== undefined && policy.priority !== 2) await scheduler.removePolicy({ name })
    if (policy?.priority !== 2)
      t.equal((await scheduler.putPolicy({ policy: nightlyPolicy() })).generation, 2, `lost at ${lossAt}`)
    await scheduler.stop()
  }
  t.ok(losses >= 2, `${losses} losses`)
})
