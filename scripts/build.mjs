// `npm run build`: the JavaScript of every package (tsup through lerna, cached) and all declarations (one tsc -b).

import { bootstrap } from './lib/bootstrap.mjs'

await bootstrap({ declarations: true })
