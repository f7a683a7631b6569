import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NbError, systemClock } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { runScript, type ScriptTask } from '../../../src/client/scripts/run-script.ts'
import { freshDirectory } from '../fresh-directory.ts'

function script(t: Test, body: string): string {
  const file = join(freshDirectory(t), 'script')
  writeFileSync(file, `#!/bin/sh\n${body}\n`)
  chmodSync(file, 0o700)
  return file
}

/** A script under way, and its output as it comes. */
function begin(t: Test, body: string, changes: Partial<ScriptTask> = {}) {
  let output = ''
  const waiting: { readonly text: string; readonly resolve: () => void }[] = []
  const task: ScriptTask = {
    file: script(t, body),
    args: [],
    env: { PATH: '/usr/bin:/bin' },
    timeoutMs: 60_000,
    clock: systemClock(),
    onOutput: (bytes) => {
      output += bytes.toString()
      for (const { text, resolve } of waiting) if (output.includes(text)) resolve()
    },
    ...changes,
  }
  const session = runScript(task)
  const said = (text: string): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ text, resolve })
      if (output.includes(text)) resolve()
    })
  return { session, said, output: () => output }
}

/** The processes that a script told of, that still run; what was killed and not yet collected does not. */
function living(output: string): readonly number[] {
  return [...output.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid)).filter(isRunning)
}

function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** The processes that run once the kernel has carried out what was sent to them. */
async function left(output: string): Promise<readonly number[]> {
  for (let turn = 0; living(output).length > 0 && turn < 10_000; turn++)
    await new Promise((resolve) => setImmediate(resolve))
  return living(output)
}

t.test('its end and all its output, arguments and environment are told', async (t) => {
  const { session, output } = begin(t, 'echo "$1|$2|$NB_JOB_ID|$(pwd)|$HOME"; echo wrong >&2; exit 3', {
    args: ['a b', '$(touch /tmp/never)'],
    env: { PATH: '/bin', NB_JOB_ID: '7' },
  })
  t.same(await session.result, { kind: 'exited', code: 3 })
  t.match(output(), 'a b|$(touch /tmp/never)|7|/|\n')
  t.match(output(), 'wrong')
})

t.test('a signal, and what can not be started, are told as such', async (t) => {
  t.same(await begin(t, 'kill -9 $$').session.result, { kind: 'killed', signal: 'SIGKILL' })
  t.match(await begin(t, '', { file: '/nowhere/script' }).session.result, {
    kind: 'not-started',
    reason: /ENOENT/,
  })
})

t.test('one that takes too long is ended with all that it has started, whatever they ignore', async (t) => {
  const clock = createVirtualClock()
  const body =
    'trap "" TERM; (trap "" TERM; echo "child up"; sleep 1000) & echo "pid $$ pid $!"; wait; wait; sleep 1000'
  const { session, said, output } = begin(t, body, { clock, timeoutMs: 300_000 })
  await said('child up')
  await said('pid ')
  t.equal(living(output()).length, 2)
  await clock.advance(299_999)
  t.equal(living(output()).length, 2)
  await clock.advance(1)
  await clock.advance(2000)
  t.same(await session.result, { kind: 'timed-out' })
  t.same(await left(output()), [])
})

t.test('one that is aborted is ended with its children', async (t) => {
  const { session, said, output } = begin(t, 'sleep 1000 & echo "pid $$ pid $!"; wait')
  await said('pid ')
  const reason = new NbError('session-killed', 'cancelled')
  session.abort(reason)
  session.abort(new NbError('internal', 'again'))
  await t.rejects(session.result, reason)
  t.same(await left(output()), [])
})

t.test('what a script leaves behind in the background lives on and holds nothing up', async (t) => {
  const clock = createVirtualClock()
  const { session, said, output } = begin(t, 'sleep 1000 & echo "pid $!"; exit 0', { clock })
  await said('pid ')
  let end: unknown
  void session.result.then((result) => (end = result))
  // Its output is held open: that is not waited for.
  for (let turn = 0; end === undefined && turn < 1000; turn++) {
    await clock.advance(100)
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.same(end, { kind: 'exited', code: 0 })
  const [child] = living(output())
  t.not(child, undefined)
  process.kill(child as number, 'SIGKILL')
})
