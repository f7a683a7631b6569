import { constants } from 'node:os'
import type { ErrorCode } from '@nb/contracts'
import { createVirtualClock, type VirtualClock } from '@nb/test-kit'
import t from 'tap'
import { createSgTransport } from '../../src/index.ts'
import type { ScsiTransport } from '@nb/contracts'
import { ScriptedCalls, type Ending } from './scripted-calls.ts'

const { errno } = constants
const path = '/dev/sg7'
const ready = { cdb: Uint8Array.of(0, 0, 0, 0, 0, 0) }
const rewind = { cdb: Uint8Array.of(1, 0, 0, 0, 0, 0) }
const read = (dataIn: Uint8Array) => ({ cdb: Uint8Array.of(8, 0, 0, 0, dataIn.length, 0), dataIn })
const write = (dataOut: Uint8Array) => ({ cdb: Uint8Array.of(10, 0, 0, 0, dataOut.length, 0), dataOut })

function rig(): { calls: ScriptedCalls; clock: VirtualClock; transport: ScsiTransport } {
  const calls = new ScriptedCalls()
  const clock = createVirtualClock()
  return { calls, clock, transport: createSgTransport({ clock, calls }, { path }) }
}

/** A script that is held until it is let go, with one ending after the other. */
function held(calls: ScriptedCalls): (ending?: Ending) => Promise<void> {
  const waiting: ((ending: Ending) => void)[] = []
  calls.script = () => new Promise((resolve) => waiting.push(resolve))
  return async (ending = {}) => {
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
    waiting.shift()?.(ending)
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

t.test('data go and come, and a residual is what did not move', async (t) => {
  const { calls, transport } = rig()
  t.same(await transport.execute(ready), { status: 0, dataInBytes: 0, dataOutBytes: 0 })
  t.match(calls.seen.at(-1), { direction: 'none', timeoutMs: 60_000 })
  calls.script = () => ({ residual: 3 })
  t.same(await transport.execute(write(Buffer.from('twelve bytes'))), {
    ...{ status: 0, dataInBytes: 0, dataOutBytes: 9 },
  })
  t.match(calls.seen.at(-1), { direction: 'out', data: Buffer.from('twelve bytes') })
  const target = Buffer.alloc(10, 0xaa)
  calls.script = () => ({ dataIn: Buffer.from('short\0\0\0\0\0'), residual: 5 })
  t.same(await transport.execute(read(target)), { status: 0, dataInBytes: 5, dataOutBytes: 0 })
  t.equal(target.toString('latin1'), 'short\xaa\xaa\xaa\xaa\xaa', 'nothing behind it is touched')
  calls.script = () => ({ residual: 20 })
  t.equal((await transport.execute(read(target))).dataInBytes, 0, 'a residual beyond what was asked for')
  t.equal(calls.opened, 1)
  await transport.close()
})

t.test('data larger than the room so far', async (t) => {
  const { calls, transport } = rig()
  const large = Buffer.alloc(700_000, 7)
  await transport.execute({ cdb: Uint8Array.of(10, 0, 10, 174, 96, 0), dataOut: large })
  t.ok(calls.seen.at(-1)?.data.equals(large))
})

t.test('a status with sense data is an answer', async (t) => {
  const { calls, transport } = rig()
  const sense = Buffer.from('700005000000000a00000000200000000000', 'hex')
  for (const [host, driver] of [
    [0, 0],
    [0, 8],
    [0x10, 8],
    [0x11, 0],
    [0x13, 8],
  ]) {
    calls.script = () => ({ status: 2, sense, host: host ?? 0, driver: driver ?? 0 })
    const result = await transport.execute(ready)
    t.equal(result.status, 2)
    t.same(Buffer.from(result.sense ?? []), sense)
  }
  t.equal(transport.nexus, 1)
})

t.test('what the host or the driver says, and what the kernel refuses, is an error of its own', async (t) => {
  const cases: readonly [Ending, ErrorCode, object, closes: boolean][] = [
    [{ host: 3 }, 'scsi-timeout', { sent: true, timeoutMs: 60_000 }, false],
    [{ driver: 6 }, 'scsi-timeout', { sent: true }, false],
    [{ host: 1 }, 'scsi-transport-lost', { sent: true, hostStatus: 1 }, true],
    [{ host: 0x0e }, 'scsi-transport-lost', { sent: true }, true],
    [{ host: 0x0f }, 'scsi-transport-lost', { sent: true }, true],
    [{ host: 0x55 }, 'scsi-transport-lost', { sent: true, hostStatus: 0x55 }, true],
    [{ host: 8 }, 'scsi-transport-lost', { sent: true, reset: true }, false],
    [{ host: 5 }, 'scsi-transport-lost', { sent: true }, false],
    [{ driver: 4 }, 'scsi-transport-lost', { sent: true, driverStatus: 4 }, true],
    [{ errno: errno.ENODEV }, 'scsi-transport-lost', { sent: false, systemCode: 'ENODEV' }, true],
    [{ errno: errno.EINTR }, 'scsi-transport-lost', { sent: true }, true],
    [{ errno: errno.EPERM }, 'scsi-access-denied', { sent: false }, false],
    [{ errno: errno.EINVAL }, 'argument-invalid', { sent: false }, false],
    [{ errno: errno.ENOMEM }, 'argument-invalid', { sent: false }, false],
  ]
  for (const [ending, code, details, closes] of cases) {
    const { calls, transport } = rig()
    calls.script = () => ending
    await t.rejects(transport.execute(ready), { code, details }, JSON.stringify(ending))
    await turns()
    t.equal(calls.closed, closes ? 1 : 0, 'whether the device is let go')
    calls.script = () => ({})
    await transport.execute(ready)
    t.equal(transport.nexus, closes ? 2 : 1)
  }
})

t.test('opening says why it does not', async (t) => {
  for (const [number, code] of [
    [errno.ENOENT, 'not-found'],
    [errno.EACCES, 'scsi-access-denied'],
    [errno.EBUSY, 'scsi-access-denied'],
    [errno.ENOTTY, 'argument-invalid'],
    [errno.ENXIO, 'scsi-transport-lost'],
  ] as const) {
    const { calls, transport } = rig()
    calls.openErrno = number
    await t.rejects(transport.open(), { code })
    const waiting = [transport.execute(ready), transport.execute(ready)]
    for (const one of waiting) await t.rejects(one, { code, details: { sent: false } })
    t.equal(transport.nexus, 0)
    calls.openErrno = 0
    await transport.execute(ready)
    t.equal(transport.nexus, 1)
  }
  const { clock, calls } = rig()
  for (const bad of ['sg1', '/dev/s\0g'])
    t.throws(() => createSgTransport({ clock, calls }, { path: bad }), { code: 'argument-invalid' })
  t.throws(() => createSgTransport({ clock, calls }, { path: '/dev/bsg/1:0:0:0' }), { code: 'not-supported' })
})

t.test('one command at a time, in the order of the calls; a loss ends those that wait, unsent', async (t) => {
  const { calls, transport } = rig()
  const release = held(calls)
  await Promise.all([transport.open(), transport.open()])
  const first = transport.execute(rewind)
  const rest = [transport.execute(ready), transport.execute(ready)]
  const ends = Promise.allSettled([first, ...rest])
  await turns()
  t.equal(calls.seen.length, 1)
  await release({ host: 0x0e })
  const [one, ...others] = await ends
  t.match(one, { reason: { code: 'scsi-transport-lost', details: { sent: true } } })
  for (const other of others) t.match(other, { reason: { details: { sent: false } } })
  calls.script = () => ({})
  await Promise.all([transport.execute(ready), transport.execute(rewind), transport.execute(ready)])
  t.same(
    calls.seen.slice(1).map(({ cdb }) => cdb[0]),
    [0, 1, 0],
  )
  t.equal(calls.mostAtOnce, 1)
  await t.rejects(transport.execute({ ...ready, nexus: 1 }), {
    code: 'scsi-transport-lost',
    details: { sent: false },
  })
  t.equal(calls.opened, 2)
})

t.test('time runs from the call on: in the row by the clock, in the kernel with what is left', async (t) => {
  const { calls, clock, transport } = rig()
  await transport.open()
  const release = held(calls)
  const first = transport.execute({ ...rewind, timeoutMs: 9000 })
  const second = transport.execute({ ...ready, timeoutMs: 5000 })
  const third = transport.execute({ ...ready, timeoutMs: 3000 })
  const late = t.rejects(third, { code: 'scsi-timeout', details: { sent: false } })
  await turns()
  await clock.advance(3000)
  await late
  await release()
  await first
  await release()
  await second
  t.same(
    calls.seen.map(({ timeoutMs }) => timeoutMs),
    [9000, 2000],
  )
  t.equal(clock.pendingTimers, 0)
})

t.test('an abort takes out what waits; what is under way ends with its answer', async (t) => {
  const { calls, transport } = rig()
  await transport.open()
  const release = held(calls)
  const stop = new AbortController()
  const first = transport.execute(rewind, { signal: stop.signal })
  const second = transport.execute(ready, { signal: stop.signal })
  await turns()
  stop.abort()
  await t.rejects(second, { name: 'AbortError' })
  await release()
  t.equal((await first).status, 0)
})

t.test('closing and resetting wait for what the kernel works on', async (t) => {
  const { calls, transport } = rig()
  await transport.open()
  const release = held(calls)
  const under = transport.execute(rewind)
  const waiting = t.rejects(transport.execute(ready), {
    code: 'scsi-transport-lost',
    details: { sent: false },
  })
  await turns()
  const reset = transport.reset()
  await waiting
  await turns()
  t.equal(calls.resets, 1)
  await release({ host: 8 })
  await t.rejects(under, { code: 'scsi-transport-lost', details: { reset: true } })
  await reset
  const last = transport.execute(rewind)
  await turns()
  const closed = transport.close()
  await turns()
  t.equal(calls.closed, 0)
  await release()
  t.equal((await last).status, 0)
  await closed
  t.equal(calls.closed, 1)
  await transport.close()
  calls.resetErrno = errno.EACCES
  await t.rejects(transport.reset(), { code: 'scsi-access-denied' })
})
