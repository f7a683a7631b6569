import { type NbError, debugLogger } from '@nb/contracts'
import { createFakeBroker, createVirtualClock, driven } from '@nb/test-kit'
import t from 'tap'
import { createLeaseKeeper, untilNext } from '../src/leases.ts'

async function open() {
  const clock = createVirtualClock()
  const log = { append: async () => undefined }
  const units = [{ name: 'disk1', mediaServer: 'media1', slots: 1 }]
  const broker = createFakeBroker({ clock, log, units, leaseMs: 60_000 })
  const grant = await broker.acquire({
    requestId: 'r',
    jobId: '1',
    jobType: 'backup',
    priority: 0,
    client: 'web1',
    limits: {},
    need: { kind: 'write', storage: { kind: 'any' }, volumePool: 'NetBackup', retentionLevel: 1 },
  })
  return { clock, broker, grant }
}

t.test('a lease is kept until it is let go', async (t) => {
  const { clock, broker, grant } = await open()
  const keeper = createLeaseKeeper(broker, clock, debugLogger('nb:test'))
  keeper.keep(grant, () => t.fail('lost'))
  await clock.advance(3_600_000)
  t.equal(broker.inForce.length, 1)
  keeper.letGo(grant.leaseId)
  await clock.advance(61_000)
  t.equal(broker.inForce.length, 0)
  t.equal(clock.pendingTimers, 0)
})

t.test('a lease that is gone is told once', async (t) => {
  const { clock, broker, grant } = await open()
  const keeper = createLeaseKeeper(broker, clock, debugLogger('nb:test'))
  const lost: NbError[] = []
  keeper.keep(grant, (reason) => lost.push(reason))
  broker.expire(grant.leaseId)
  await clock.advance(600_000)
  t.match(lost, [{ code: 'lease-expired', status: 914, details: { leaseId: grant.leaseId } }])
})

t.test('a broker that does not answer is asked again until the lease is over', async (t) => {
  const { clock, broker, grant } = await open()
  let asked = 0
  const deaf = { ...broker, renew: () => (asked++, new Promise<never>(() => undefined)) }
  const failing = { ...broker, renew: () => (asked++, Promise.reject(new Error('no route'))) }
  for (const bad of [deaf, failing]) {
    asked = 0
    const keeper = createLeaseKeeper(bad, clock, debugLogger('nb:test'))
    const { promise, resolve } = withResolvers<NbError>()
    keeper.keep({ ...grant, expiresAt: clock.now() + 60_000 }, resolve)
    const begun = clock.now()
    t.match(await driven(clock, promise), { code: 'lease-expired' })
    t.ok(clock.now() - begun >= 60_000, 'not given up before its end')
    t.ok(clock.now() - begun < 62_000)
    t.ok(asked >= 1)
  }
})

t.test('half of the time that is left, at once when there is none', async (t) => {
  t.strictSame([60_000, 100, 0, -5].map(untilNext), [30_000, 250, 0, 0])
})

function withResolvers<T>() {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((set) => (resolve = set))
  return { promise, resolve }
}
