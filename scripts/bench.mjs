// `npm run bench -- NAME [--quick] [--json FILE]`: builds what is stale and runs a bench on the built packages.

import { bootstrap } from './lib/bootstrap.mjs'
import { node, run } from './lib/run.mjs'

await bootstrap()

process.exitCode = await run(node(), ['bench/src/main.ts', ...process.argv.slice(2)])
