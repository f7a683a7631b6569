// Brings a clone from nothing to runnable: installs when the manifests changed, builds when sources did.
// Plain JavaScript on built-ins only: it runs before anything is installed, and on the machine's own Node.
// Everything it prints goes to stderr; stdin stays with the program that is started afterwards.

import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { environment, root, run, runTool } from './run.mjs'

const state = join(root, 'node_modules', '.cache', 'nb')
const toStderr = ['ignore', 2, 2]

/** Folders of the workspaces, relative to the root. */
export function workspaces() {
  const inside = (folder) =>
    readdirSync(join(root, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && existsSync(join(root, folder, entry.name, 'package.json')))
      .map((entry) => join(folder, entry.name))
  return [...inside('packages'), ...inside('examples'), 'bench']
}

/**
 * Installs and builds what is stale; ends the process with exit code 1 where that fails.
 * `declarations` also runs `tsc -b`, which programs do not need to run.
 */
export async function bootstrap({ declarations = false } = {}) {
  if (installed() && built(declarations)) return
  try {
    await exclusively(async () => {
      if (!installed()) await install()
      if (!built(declarations)) await build(declarations)
    })
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

async function install() {
  process.stderr.write('installing dependencies (once)\n')
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = process.env.npm_execpath
  const code = npm?.endsWith('.js')
    ? await run(process.execPath, [npm, ...args], { stdio: toStderr })
    : await run('npm', args, { stdio: toStderr })
  if (code !== 0) throw new Error(`npm install ended with exit code ${code}`)
  remember('installed', manifestsDigest())
}

async function build(declarations) {
  process.stderr.write('building what changed\n')
  const digest = sourcesDigest()
  const args = ['run', 'build', '--concurrency=2', '--no-bail', '--loglevel=error']
  const env = environment({
    NX_DAEMON: 'false',
    NX_NO_CLOUD: 'true',
    NX_TUI: 'false',
    npm_config_loglevel: 'error',
  })
  const log = join(state, 'build.log')
  mkdirSync(state, { recursive: true })
  const output = openSync(log, 'w')
  const code = await runTool('lerna/dist/cli.js', args, { stdio: ['ignore', output, output], env })
  closeSync(output)
  if (code !== 0) throw new Error(`${readFileSync(log, 'utf8')}\nthe build ended with exit code ${code}`)
  remember('built', digest)
  if (!declarations) return
  const declared = await runTool('typescript/bin/tsc', ['-b'], { stdio: toStderr })
  if (declared !== 0) throw new Error(`tsc -b ended with exit code ${declared}`)
  remember('declared', digest)
}

function installed() {
  if (!existsSync(join(root, 'node_modules', '.package-lock.json'))) return false
  const digest = manifestsDigest()
  if (recall('installed') === digest) return true
  // An install by hand leaves no digest of ours, but npm's own record is newer than every manifest then.
  const at = statSync(join(root, 'node_modules', '.package-lock.json')).mtimeMs
  const fresh = manifests().every((file) => statSync(join(root, file)).mtimeMs <= at)
  if (fresh) remember('installed', digest)
  return fresh
}

function built(declarations) {
  const complete = workspaces().every(
    (folder) => folder === 'bench' || existsSync(join(root, folder, 'dist')),
  )
  if (!complete) return false
  const digest = sourcesDigest()
  return recall('built') === digest && (!declarations || recall('declared') === digest)
}

function manifests() {
  return ['package.json', 'package-lock.json', ...workspaces().map((folder) => join(folder, 'package.json'))]
}

function manifestsDigest() {
  const hash = createHash('sha256')
  for (const file of manifests())
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

/** Covers names, sizes and times of what a build reads. */
function sourcesDigest() {
  const hash = createHash('sha256')
  const add = (path) => {
    const { size, mtimeMs } = statSync(path)
    hash.update(`${relative(root, path)}\0${size}\0${mtimeMs}\n`)
  }
  for (const file of ['package-lock.json', 'tsconfig.base.json', 'tsup.shared.ts']) add(join(root, file))
  for (const folder of workspaces()) {
    for (const file of ['package.json', 'tsconfig.json', 'tsup.config.ts']) {
      if (existsSync(join(root, folder, file))) add(join(root, folder, file))
    }
    for (const file of filesBelow(join(root, folder, 'src'))) add(file)
  }
  return hash.digest('hex')
}

function filesBelow(directory) {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name)
      return entry.isDirectory() ? filesBelow(path) : [path]
    })
}

function remember(name, value) {
  mkdirSync(state, { recursive: true })
  writeFileSync(join(state, name), value)
}

function recall(name) {
  try {
    return readFileSync(join(state, name), 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

/** One bootstrap at a time for a clone; a lock whose process is gone is taken over. */
async function exclusively(work) {
  const lock = join(root, '.bootstrap.lock')
  for (let told = false; ; told = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = lockHolder(lock)
    if (holder === undefined) rmSync(lock, { force: true })
    else if (!told) process.stderr.write(`waiting for process ${holder}, which installs or builds here\n`)
    await new Promise((resolve) => setTimeout(resolve, holder === undefined ? 10 : 500))
  }
  const release = () => rmSync(lock, { force: true })
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

function lockHolder(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'))
    // An empty file is a lock that its owner is about to fill.
    if (pid > 0) process.kill(pid, 0)
    return pid
  } catch (error) {
    return error.code === 'EPERM' ? 'of another user' : undefined
  }
}
