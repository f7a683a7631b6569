import { readFileSync } from 'node:fs'
import * as kit from '@nb/test-kit'
import t from 'tap'
import { portNames } from '../../src/index.ts'

const readme = new URL('../../README.md', import.meta.url)
const row = /^\| `(?<port>\w+)` \| `(?<suite>\w+Suite)` \| (?<links>.*) \|$/gm
const rows = [...readFileSync(readme, 'utf8').matchAll(row)].map(({ groups }) => ({
  port: groups?.['port'] ?? '',
  suite: groups?.['suite'] ?? '',
  files: [...(groups?.['links'] ?? '').matchAll(/\]\((?<path>[^)]+)\)/g)].map(
    (link) => new URL(link.groups?.['path'] ?? '', readme),
  ),
}))

/** A test file, and the modules of its folder that it sets its fixtures up with. */
function sourceOf(file: URL): string {
  const text = readFileSync(file, 'utf8')
  const beside = [...text.matchAll(/from '(?<path>\.\/[^']+)'/g)]
  return (
    text + beside.map(({ groups }) => readFileSync(new URL(groups?.['path'] ?? '', file), 'utf8')).join('')
  )
}

t.test('the suite of every port runs over TLS, and the README says where', async (t) => {
  t.same(rows.map(({ port }) => port).sort(), [...portNames].sort())
  for (const { port, suite, files } of rows) {
    t.ok(suite in kit, suite)
    t.ok(files.length > 0, port)
    for (const file of files) {
      const source = sourceOf(file)
      t.ok(source.includes(`${suite}(`), `${port}: ${suite} in ${file.pathname}`)
      t.match(source, /createWireTwin\b/, `${port}: a twin in ${file.pathname}`)
      t.match(source, new RegExp(`\\b${port}\\b`), `${port} in ${file.pathname}`)
    }
  }
})
