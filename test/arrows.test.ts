import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { allowedSiblings } from '../scripts/lib/arrows.mjs'
import { importsOf, packageName } from '../scripts/lib/imports.mjs'

const packages = join(import.meta.dirname, '../packages')

function sourcesOf(folder: string): string[] {
  return readdirSync(join(packages, folder, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
}

interface Manifest {
  dependencies?: Record<string, string>
}

t.same(readdirSync(packages).sort(), Object.keys(allowedSiblings).sort(), 'the table names every package')

for (const [folder, allowed] of Object.entries(allowedSiblings)) {
  t.test(`${folder} imports only the siblings it may`, async (t) => {
    const files = sourcesOf(folder)
    t.ok(files.length > 0, 'has sources')
    const imported = new Set(files.flatMap(importsOf).map(packageName))
    const siblings = [...imported].filter((name) => name.startsWith('@nb/'))
    t.same(
      siblings.filter((name) => !allowed.includes(name.slice('@nb/'.length))),
      [],
    )
    const manifest = JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8')) as Manifest
    const declared = Object.keys(manifest.dependencies ?? {}).filter((name) => name.startsWith('@nb/'))
    t.same(
      declared.filter((name) => !allowed.includes(name.slice('@nb/'.length))),
      [],
      'declares only those',
    )
  })
}
