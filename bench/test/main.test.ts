import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

function bench(...args: string[]): { code: number | null; out: string; complaints: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=@nb/source', main, ...args], {
    encoding: 'utf8',
  })
  return { code: status, out: stdout, complaints: stderr }
}

t.test('help names every bench; wrong usage ends with 2 and says what is wrong', async (t) => {
  const help = bench('--help')
  t.equal(help.code, 0)
  t.match(help.out, /^ {2}backup +full backup/m)
  t.match(help.out, /^ {2}incremental +an incremental/m)
  t.match(help.out, /^ {2}tape +blocks of 256 KiB/m)
  t.match(help.out, /^ {2}restore +restore of everything/m)
  t.match(help.out, /^ {2}remote +master, media server/m)
  t.match(bench('remote', '--part', 'all'), {
    code: 2,
    complaints: /no part all; its parts: big, small, calls, idle/,
  })
  t.match(bench(), { code: 2, complaints: /Usage: npm run bench/ })
  t.match(bench('speed'), { code: 2, complaints: /there is no bench speed/ })
  t.match(bench('backup', '--fast'), { code: 2, complaints: /--fast/ })
  t.match(bench('backup', '--work', main), {
    code: 2,
    complaints: /^--work .*main\.ts is no folder; name .*\n$/,
  })
})
