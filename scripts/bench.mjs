// `npm run bench -- NAME [--quick] [--json FILE]`: builds what is stale, then becomes the benches, which run on the built packages.

import { join } from 'node:path'
import { bootstrap } from './lib/bootstrap.mjs'
import { become, root } from './lib/run.mjs'

await bootstrap()

// Nobody in between: who ends on a signal must not be outlived by what it is to clean up.
become([join(root, 'bench/src/main.ts'), ...process.argv.slice(2)])
