// Random runs of all packages: what whoever starts them sets is taken or refused, and long ones have the time they need.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const folders = ['test', 'packages/*/test', 'examples/*/test', 'bench/test']
const files = folders.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root })).sort()
const own = 'test/random-runs.test.ts'
const texts = new Map(
  files.filter((file) => file !== own).map((file) => [file, readFileSync(join(root, file), 'utf8')]),
)

/** A test and what it has imported from beside it. */
function withHelpers(file: string, text: string): string[] {
  const imported = [...text.matchAll(/ from '(\.[^']+\.ts)'/g)].map(([, path]) =>
    resolve(root, dirname(file), path as string).slice(root.length + 1),
  )
  return [...new Set(imported)].filter((helper) => texts.has(helper) && existsSync(join(root, helper)))
}

t.test('a number of the environment is read by what refuses words', async (t) => {
  const reading = [...texts].filter(([, text]) =>
    /Number\(process\.env(\.|\[')NB_|env(\.|\[')NB_SEED/.test(text),
  )
  t.same(
    reading.map(([file]) => file),
    [],
    'numberSetting of @nb/test-kit is for that',
  )
})

t.test('a test that has a long count asks for the time it takes, before any test of it runs', async (t) => {
  const short: string[] = []
  let long = 0
  for (const [file, text] of texts) {
    if (!file.endsWith('.test.ts')) continue
    const helpers = withHelpers(file, text).map((helper) => texts.get(helper) as string)
    if (![text, ...helpers].some((each) => /NB_LONG('\])? [!=]==/.test(each))) continue
    long++
    // The runner hears it of the file's own `t` alone.
    const asks =
      /^(if \(.*\) )?t\.setTimeout\(/m.test(text) ||
      helpers.some((each) => /\b(t|tap)\.setTimeout\(/.test(each))
    if (!asks) short.push(file)
  }
  t.ok(long > 50, `${long} tests have long counts`)
  t.same(short, [], 't.setTimeout(ms) is for that')
})
