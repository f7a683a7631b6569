// `npm start`: installs and builds what is stale, then becomes the all-in-one example.

import { join } from 'node:path'
import { bootstrap } from './lib/bootstrap.mjs'
import { become, root } from './lib/run.mjs'

await bootstrap()

// A small young generation: garbage of lists that stream through is collected before it makes the process grow.
become(['--max-semi-space-size=4', join(root, 'examples/all-in-one/dist/main.js'), ...process.argv.slice(2)])
