import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Leftovers, removeDeadRuns } from '../../src/leftovers/leftovers.ts'
import { type ProcessIdentity, identify, isRunning } from '../../src/leftovers/processes.ts'
import { recordFile, writeRecord } from '../../src/leftovers/record.ts'

const program = fileURLToPath(new URL('./leaving-run.ts', import.meta.url))

/** A run in a process of its own, at its work. */
async function startRun(...args: string[]) {
  const run: ChildProcess = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = text(run.stderr as NodeJS.ReadableStream)
  const [ready] = (await once(run.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
  const child = identify(Number(/ready (\d+)/.exec(ready.toString())?.[1])) as ProcessIdentity
  const ended = once(run, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  return { run, said, child, ended }
}

t.test('a signal stops what was started and removes what was made; the exit code is its own', async (t) => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const work = t.testdir({})
    const { run, said, child, ended } = await startRun(work)
    t.equal(readdirSync(work).length, 2, 'its folder and its record')
    run.kill(signal)
    // As npm does, which sends on what all of a group have been sent.
    run.kill(signal)
    t.same(await ended, [code, null])
    t.match(await said, new RegExp(`^${signal}: stopping .*\n$`))
    t.same(readdirSync(work), [])
    t.notOk(isRunning(child))
  }
})

t.test('a second signal ends it at once, and it says what is left', async (t) => {
  const work = t.testdir({})
  const { run, said, child, ended } = await startRun(work, 'stubborn')
  t.teardown(() => isRunning(child) && process.kill(child.pid, 'SIGKILL'))
  run.kill('SIGINT')
  await sleep(600)
  run.kill('SIGINT')
  t.same(await ended, [130, null])
  t.match(await said, new RegExp(`left: process ${child.pid} \\(sh\\), ${work}/nb-bench-data-.*--work`))
  t.ok(isRunning(child))
})

t.test('what a killed run has left is named, stopped and removed by the next one', async (t) => {
  const work = t.testdir({})
  const dead = await startRun(work)
  const alive = await startRun(work)
  dead.run.kill('SIGKILL')
  await dead.ended
  t.ok(isRunning(dead.child), 'nobody has stopped it')
  const told: string[] = []
  await removeDeadRuns(work, (line) => told.push(line))
  t.notOk(isRunning(dead.child))
  t.equal(told.length, 1)
  t.match(told[0], `run ${dead.run.pid} was killed`)
  t.match(told[0], new RegExp(`process ${dead.child.pid} \\(sh\\), ${work}/nb-bench-data-`))
  t.ok(isRunning(alive.child), 'a run that lives keeps what is its own')
  t.equal(readdirSync(work).length, 2)
  alive.run.kill('SIGTERM')
  await alive.ended
  t.same(readdirSync(work), [])
})

t.test('a record names nothing but folders of ours, and processes with their start', async (t) => {
  const work = t.testdir({ other: {}, 'nb-bench-data-1': { file: 'x' } })
  const self = {
    pid: process.pid,
    start: '1',
    name: 'another of this number',
    stopSignal: 'SIGKILL',
  } as const
  const folders = ['other', 'nb-bench-data-1', 'nb-bench-gone'].map((name) => join(work, name))
  writeRecord(recordFile(work), { folders, processes: [self] })
  await removeDeadRuns(work, () => t.fail('its run lives: it is this one'))
  // The same of a run that is dead: this process's number, at another time.
  const record = { run: { pid: process.pid, start: '1' }, folders, processes: [self] }
  const { namespace } = JSON.parse(readFileSync(recordFile(work), 'utf8')) as { namespace: string }
  writeFileSync(recordFile(work), JSON.stringify({ ...record, namespace: 'pid:[1]' }))
  await removeDeadRuns(work, () => t.fail('of another container: nobody here knows whether it lives'))
  writeFileSync(recordFile(work), JSON.stringify({ ...record, namespace }))
  await removeDeadRuns(work, () => undefined)
  t.same(readdirSync(work), ['other'])
})

t.test('at the end nothing new is made or started, and the folder made for it goes', async (t) => {
  const base = t.testdir({})
  const work = join(base, 'work')
  mkdirSync(work)
  const leftovers = new Leftovers()
  leftovers.open(work, [work])
  const folder = leftovers.folder('data')
  const child = leftovers.own(spawn('sh', ['-c', 'sleep 60; true']))
  t.match(leftovers.left, [`process ${child.pid} (sh)`, folder])
  await leftovers.end()
  t.same(leftovers.left, [])
  t.notOk(existsSync(work))
  t.throws(() => leftovers.folder('data'), /the bench is ending/)
  const late = spawn('sleep', ['60'])
  t.throws(() => leftovers.own(late), /the bench is ending/)
  t.same(await once(late, 'exit'), [null, 'SIGKILL'])
  await t.rejects(leftovers.giveWay(), /the bench is ending/)
})
