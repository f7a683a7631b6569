// Writes docs/guides/statuses.md. Needs a Node that runs TypeScript: node_modules/.bin/node.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorKinds, statusCodes } from '../packages/contracts/src/index.ts'
import { root } from './lib/run.mjs'
import { renderStatusPage } from './lib/status-page.mjs'

writeFileSync(join(root, 'docs/guides/statuses.md'), renderStatusPage({ statusCodes, errorKinds }))
