// `npm test [-- --seed N] [--long] [files]`: builds what is stale and runs every test through tap.

import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { bootstrap } from './lib/bootstrap.mjs'
import Reporter from './lib/reporter.mjs'
import { environment, node, root, runTool } from './lib/run.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, long: { type: 'boolean', default: false } },
})

if (values.seed !== undefined && !/^-?\d+$/.test(values.seed)) {
  process.stderr.write(`--seed takes a whole number, and not ${JSON.stringify(values.seed)}\n`)
  process.exit(2)
}

await bootstrap({ declarations: true })

const env = environment({
  // Hundreds of processes load the same sources: what Node has stripped and compiled once, the others read.
  NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'node-compile'),
  ...(values.seed === undefined ? {} : { NB_SEED: values.seed }),
  ...(values.long ? { NB_LONG: '1' } : {}),
})
const timeoutSeconds = values.long ? 7200 : 120
process.exitCode = stripsTypes() ? await runTests() : await runTap()

/** Whether Node runs TypeScript by itself: from 22.18 on. */
function stripsTypes() {
  return spawnSync(node(), ['-p', 'process.features.typescript']).stdout?.toString().trim() === 'strip'
}

async function runTests() {
  const args = [join(root, 'scripts', 'lib', 'run-tests.mjs'), String(timeoutSeconds), ...positionals]
  const runner = spawn(node(), args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => runner.once('close', (code) => resolve(code ?? 1)))
  await pipeline(runner.stdout, new Reporter(), process.stdout, { end: false })
  return await ended
}

/** An older Node needs what tap brings for TypeScript. */
function runTap() {
  const args = ['--reporter=./scripts/lib/reporter.mjs', `--timeout=${timeoutSeconds}`, ...positionals]
  return runTool('tap/dist/esm/run.mjs', args, { env, stdio: ['ignore', 'inherit', 'inherit'] })
}
