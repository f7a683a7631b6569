import { readFileSync, readdirSync } from 'node:fs'
import t from 'tap'
import { tool } from './run-tool.ts'

const src = new URL('../src/', import.meta.url)
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const programs = readdirSync(src)
  .filter((file) => readFileSync(new URL(file, src), 'utf8').includes('await runTool('))
  .map((file) => file.slice(0, -'.ts'.length))

t.test('there are programs, each short, each in the README', async (t) => {
  t.ok(programs.length >= 3)
  for (const program of programs) {
    const lines = readFileSync(new URL(`${program}.ts`, src), 'utf8')
      .trimEnd()
      .split('\n').length
    t.ok(lines < 60, `${program} has ${lines} lines`)
    t.match(readme, `| \`${program}\` |`)
  }
})

for (const program of programs) {
  t.test(`${program} tells its usage, and refuses what it does not know`, async (t) => {
    const help = tool(program, '--help')
    t.equal(help.code, 0)
    t.match(help.out, new RegExp(`Usage: ${program} `))
    t.equal(help.complaints, '')
    t.match(tool(program, '--no-such-option'), { code: 2, out: '', complaints: /no-such-option/ })
  })
}
