// Writes packages/*/README.md from the @packageDocumentation of src/index.ts.
// What stands below the line `<!-- api -->` is written by hand and kept.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolders, renderReadme } from './lib/readme.mjs'
import { root } from './lib/run.mjs'

for (const folder of packageFolders()) {
  const path = join(root, 'packages', folder, 'README.md')
  const wanted = renderReadme(folder)
  if (readFileSync(path, { encoding: 'utf8', flag: 'a+' }) === wanted) continue
  writeFileSync(path, wanted)
  process.stdout.write(`wrote packages/${folder}/README.md\n`)
}
