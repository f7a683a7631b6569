// `npm run docs`: package READMEs from their sources, then the API site in docs/api.

import { bootstrap } from './lib/bootstrap.mjs'
import { node, run, runTool } from './lib/run.mjs'

await bootstrap({ declarations: true })

const readmes = await run(node(), ['scripts/readmes.mjs'])
process.exitCode = readmes || (await runTool('typedoc/bin/typedoc', []))
