import t from 'tap'
import { cpuMsIn, cpuMsOf, peakBytesOf, residentBytesOf } from '../../src/peers/process-usage.ts'

t.test('times of a process and of its ended children, whatever its name holds', async (t) => {
  const line = '17 (a) b) S 1 17 17 0 -1 4194560 99 98 97 96 100 20 3 4 20 0 1 0 5 6 7'
  t.equal(cpuMsIn(line), 1270)
  t.throws(() => cpuMsIn('17 (cat) S 1'), /should not/)
})

t.test('the work and the memory of processes that run', async (t) => {
  const before = cpuMsOf([process.pid])
  const held = Buffer.alloc(64 * 1024 * 1024, 1)
  const until = process.cpuUsage().user + 200_000
  while (process.cpuUsage().user < until) held.fill(2, 0, 4096)
  t.ok(cpuMsOf([process.pid]) - before >= 150, 'as much as it worked')
  t.ok(peakBytesOf([process.pid]) > held.length, 'more than it holds')
  t.ok(residentBytesOf(process.pid) > held.length)
  // The peak may grow between two looks, and never falls.
  const least = peakBytesOf([process.pid])
  const sum = peakBytesOf([process.pid, process.pid])
  t.ok(sum >= 2 * least && sum <= 2 * peakBytesOf([process.pid]), 'a sum')
})
