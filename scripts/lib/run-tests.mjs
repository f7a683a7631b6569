// Runs test files beside one another, each in a process of its own, by tap's own spawn: what it prints is TAP.
//
// `tap run` has every process load its hooks for coverage and transpilers, nearly half a second of processor for each of hundreds of
// files; Node strips types itself, and coverage is not measured here.

import { globSync } from 'node:fs'
import t from 'tap'
import { root } from './run.mjs'

/** The longest files first, so that none of them runs alone at the end. */
const patterns = [
  'test/**/*.test.ts',
  'examples/*/test/**/*.test.ts',
  'packages/*/test/**/*.test.ts',
  'bench/test/**/*.test.ts',
]
const [timeoutSeconds, ...asked] = process.argv.slice(2)
const found = (asked.length > 0 ? asked : patterns).flatMap((pattern) =>
  globSync(pattern, { cwd: root, exclude: (name) => name === 'node_modules' }).sort(),
)

// Many files wait for disks, processes and timers: with one more than the two processors that CI has, both are in use.
// Each file has a time of its own, all of them together have none.
t.setTimeout(0)
t.jobs = 3
t.comment(`${found.length} test files`)
if (found.length === 0) t.fail(`no test file is at ${asked.join(' ')}`)
for (const file of found) {
  // tap's spawn puts its hooks into NODE_OPTIONS; without that, test and what it starts are plain Node processes.
  const command = ['-u', 'NODE_OPTIONS', process.execPath, '--conditions=@nb/source', '--no-warnings', file]
  t.spawn('env', command, {
    name: file,
    cwd: root,
    buffered: true,
    timeout: Number(timeoutSeconds) * 1000,
    env: { ...process.env, TAP_TIMEOUT: timeoutSeconds },
    stdio: 'pipe',
    at: null,
    stack: '',
  })
}
