// `npm test [-- --seed N] [--long] [files]`: builds what is stale and runs every test through tap.

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bootstrap } from './lib/bootstrap.mjs'
import { environment, root, runTool } from './lib/run.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, long: { type: 'boolean', default: false } },
})

await bootstrap({ declarations: true })

const env = environment({
  // Hundreds of processes load the same sources: what Node has stripped and compiled once, the others read.
  NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'node-compile'),
  ...(values.seed === undefined ? {} : { NB_SEED: values.seed }),
  ...(values.long ? { NB_LONG: '1' } : {}),
})
const long = values.long ? ['--timeout=7200'] : []
const args = ['--reporter=./scripts/lib/reporter.mjs', ...long, ...positionals]
process.exitCode = await runTool('tap/dist/esm/run.mjs', args, {
  env,
  stdio: ['ignore', 'inherit', 'inherit'],
})
