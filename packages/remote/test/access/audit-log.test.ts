import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { type AuditEntry, type AuditLog, systemClock } from '@nb/contracts'
import {
  auditLogSuite,
  collect,
  createPowerLossStorage,
  createVirtualClock,
  type SuiteSetup,
} from '@nb/test-kit'
import { createAuditLog, createWireTwin } from '../../src/index.ts'

interface Fixture {
  readonly audit: AuditLog
  readonly close: () => Promise<void>
}

const itself: SuiteSetup<Fixture> = {
  setup: async () => {
    const audit = createAuditLog({ store: new MemoryLevel(), clock: systemClock() })
    await audit.start()
    return { audit, close: audit.stop }
  },
  teardown: ({ close }) => close(),
}
const behindWire: SuiteSetup<Fixture> = {
  setup: async () => {
    const { audit, close } = await itself.setup()
    const twin = await createWireTwin({ audit })
    return { audit: twin.ports.audit, close: () => twin.close().then(close) }
  },
  teardown: ({ close }) => close(),
}

t.test('audit log in one process', async (t) => auditLogSuite(t, itself))
t.test('audit log behind a wire', async (t) => auditLogSuite(t, behindWire))

const entry = (time: number): AuditEntry => ({
  time,
  caller: { name: 'alice', roles: ['administrator'] },
  call: 'jobs.cancel',
  outcome: 'done',
})

t.test('what was appended outlives a loss of power, and entries go by their age alone', async (t) => {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1))
  const storage = createPowerLossStorage()
  const open = async (): Promise<ReturnType<typeof createAuditLog>> => {
    const audit = createAuditLog({ store: storage.database('audit'), clock }, { keepMs: 3 * 86_400_000 })
    await audit.start()
    return audit
  }
  const first = await open()
  await first.append(entry(clock.now()))
  storage.lose()
  storage.restore()
  const second = await open()
  await clock.advance(2 * 86_400_000)
  await second.append(entry(clock.now()))
  t.same(
    (await collect(second.list({}))).map(({ number }) => number),
    [2, 1],
  )
  await clock.advance(2 * 86_400_000)
  t.same(
    (await collect(second.list({}))).map(({ number }) => number),
    [2],
    'once a day the old ones go',
  )
  await second.stop()
  await clock.advance(9 * 86_400_000)
  const third = await open()
  t.same(await collect(third.list({})), [])
  await third.append(entry(clock.now()))
  t.same(
    (await collect(third.list({}))).map(({ number }) => number),
    [3],
  )
  await third.stop()
})
