import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, extname, join, relative } from 'node:path'
import t from 'tap'
import { root } from '../scripts/lib/run.mjs'

/** Markdown written by hand: the README, the docs but the built API pages, and the pages of packages and examples. */
function pages(): readonly string[] {
  const found: string[] = ['README.md', 'bench/README.md']
  for (const name of readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.md') && !name.startsWith('api/')) found.push(join('docs', name))
  for (const parent of ['packages', 'examples'])
    for (const name of readdirSync(join(root, parent))) {
      const readme = join(parent, name, 'README.md')
      if (existsSync(join(root, readme))) found.push(readme)
    }
  return found
}

/** The text without what stands between fences and backticks, where brackets are no links. */
const prose = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')

/** The anchors of a page's headings, as code hosts make them. */
function anchors(file: string): ReadonlySet<string> {
  const seen = new Map<string, number>()
  const found = new Set<string>()
  const text = readFileSync(file, 'utf8').replace(/^```[\s\S]*?^```/gm, '')
  for (const [, heading = ''] of text.matchAll(/^#{1,6}\s+(.+)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-')
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    found.add(times === 0 ? slug : `${slug}-${times}`)
  }
  return found
}

t.test('every link of the pages leads somewhere', async (t) => {
  const broken: string[] = []
  let links = 0
  for (const page of pages()) {
    const text = prose(readFileSync(join(root, page), 'utf8'))
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      links += 1
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? join(root, page) : join(root, dirname(page), path)
      // The API pages are built, not kept.
      if (relative(root, file).startsWith('docs/api')) continue
      if (!existsSync(file)) broken.push(`${page}: ${target}`)
      else if (anchor !== undefined && extname(file) === '.md' && !anchors(file).has(anchor))
        broken.push(`${page}: ${target} (no such heading)`)
    }
  }
  t.ok(links > 0, 'there are links')
  t.same(broken, [])
})

t.test('every rule has a page that tells it and a test that holds it', async (t) => {
  const rows = readFileSync(join(root, 'docs/rules.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, rule]) => rule !== 'rule' && !/^-+$/.test(rule ?? ''))
  t.ok(rows.length > 50, `${rows.length} rules`)
  for (const [, rule = '', page = '', test = ''] of rows) {
    t.match(page, /\]\([^)]+\.md(#[^)]+)?\)/, `${rule}: has a page`)
    const files = [...test.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => join(root, 'docs', target))
    t.ok(files.length > 0, `${rule}: has a test`)
    for (const file of files)
      t.ok(
        file.endsWith('.test.ts') && statSync(file, { throwIfNoEntry: false })?.isFile(),
        `${rule}: ${file}`,
      )
  }
})
