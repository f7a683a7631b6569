import t from 'tap'
import { parseTimeReport, runMeasured, runToEnd } from '../src/measured-process.ts'

t.test('what GNU time says is read, and nothing else is taken for it', async (t) => {
  t.same(parseTimeReport('1.25 0.50 2048\n'), { cpuMs: 1750, peakBytes: 2 * 1024 * 1024 })
  t.throws(() => parseTimeReport('Command exited with non-zero status 1'), /wrote what it should not/)
})

t.test('a process is measured in its time, its work and its memory', async (t) => {
  const held = 64 * 1024 * 1024
  const script = `const kept = Buffer.alloc(${held}, 1); let n = 0; for (let i = 0; i < 2e8; i++) n ^= i; console.log(kept.length + n * 0)`
  const run = await runMeasured([process.execPath, '-e', script])
  t.equal(run.output.trim(), String(held))
  t.ok(run.cpuMs >= 50, `${run.cpuMs} ms of processor time`)
  t.ok(run.wallMs >= 50, `${run.wallMs} ms`)
  t.ok(run.peakBytes > held, `${run.peakBytes} bytes`)
  const idle = await runMeasured(['true'])
  t.ok(idle.peakBytes < held, `the peak is the program's own: ${idle.peakBytes} bytes for true`)
})

t.test('a command that fails is no measurement', async (t) => {
  await t.rejects(runMeasured(['sh', '-c', 'echo out of luck >&2; exit 3']), /ended with 3: out of luck/)
  await t.rejects(runToEnd('there-is-no-such-command', []), { code: 'ENOENT' })
})
