import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { firstExample, packageFolders, renderReadme } from '../scripts/lib/readme.mjs'
import { node, root } from '../scripts/lib/run.mjs'

const execute = promisify(execFile)
const scratch = '.cache'

/** Writes the first example of a README into its package, where it resolves what a user of it would install. */
function writeExample(folder: string): string | undefined {
  const code = firstExample(readFileSync(join(root, 'packages', folder, 'README.md'), 'utf8'))
  if (code === undefined) return undefined
  const directory = join(root, 'packages', folder, scratch)
  mkdirSync(directory, { recursive: true })
  const file = join(directory, 'readme-example.ts')
  writeFileSync(file, code)
  return file
}

const folders = packageFolders()
t.teardown(() => {
  for (const folder of folders)
    rmSync(join(root, 'packages', folder, scratch), { recursive: true, force: true })
})

for (const folder of folders) {
  t.test(`the README of ${folder}`, async (t) => {
    const readme = readFileSync(join(root, 'packages', folder, 'README.md'), 'utf8')
    t.equal(readme, renderReadme(folder), 'says what the sources say (npm run docs writes it)')
    const file = writeExample(folder)
    if (file === undefined) return t.fail('opens with an example')
    const { stderr } = await execute(node(), ['--conditions=@nb/source', file], {
      cwd: t.testdir(),
      timeout: 60_000,
    })
    t.equal(stderr, '', 'its first example runs')
  })
}

t.test('the examples type-check', async (t) => {
  const files = folders.map(writeExample).filter((file) => file !== undefined)
  t.ok(files.length > 0, 'there are examples')
  const project = join(root, 'packages/contracts', scratch, 'tsconfig.json')
  mkdirSync(join(root, 'packages/contracts', scratch), { recursive: true })
  // A user's settings: strict, without the stricter ones that the house keeps for itself.
  const compilerOptions = {
    noUnusedLocals: false,
    noUncheckedIndexedAccess: false,
    exactOptionalPropertyTypes: false,
  }
  writeFileSync(
    project,
    JSON.stringify({ extends: join(root, 'tsconfig.test.json'), compilerOptions, files, include: [] }),
  )
  const found = await execute(node(), [join(root, 'node_modules/typescript/bin/tsc'), '-p', project]).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  )
  t.equal(found, '')
})
