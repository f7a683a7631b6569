// `npm start`: installs and builds what is stale, then becomes the all-in-one example.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { bootstrap } from './lib/bootstrap.mjs'
import { environment, node, root } from './lib/run.mjs'

await bootstrap()

// A small young generation: garbage of lists that stream through is collected before it makes the process grow.
const program = [
  '--max-semi-space-size=4',
  join(root, 'examples/all-in-one/dist/main.js'),
  ...process.argv.slice(2),
]

if (typeof process.execve === 'function') {
  // Replacing this process leaves nobody between the program and its signals, exit code and terminal.
  process.removeAllListeners('warning')
  process.execve(node(), [node(), ...program], environment())
}

const child = spawn(node(), program, { stdio: 'inherit', env: environment() })
process.on('SIGTERM', () => child.kill('SIGTERM'))
process.on('SIGHUP', () => child.kill('SIGHUP'))
// A terminal sends Ctrl-C to the whole group, so the program has it already; without one, pass it on.
process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
child.once('error', (error) => {
  process.stderr.write(`npm start: ${error.message}\n`)
  process.exit(1)
})
child.once('exit', (code, signal) => {
  if (signal === null) process.exit(code)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
})
