import t from 'tap'
import { tool } from './run-tool.ts'

t.test('of three jobs on a unit for one, two wait for the first, and its end helps the next', async (t) => {
  const { code, out, complaints } = tool('why-waiting')
  t.equal(code, 0)
  t.equal(complaints, '')
  const lines = out.trim().split('\n')
  t.equal(lines[0], 'job 1 is granted disk1')
  t.match(lines[1], /^job 1 does not wait: it holds storage unit disk1/)
  for (const job of [2, 3]) {
    t.match(
      lines[job],
      new RegExp(`^job ${job} waits since .* for storage unit disk1: 1 of 1 jobs run there`),
    )
    t.match(lines[job], /\(job 1 since .*\); job \d goes on when job 1 ends/)
  }
  t.same(lines.slice(4), ['job 1 ends', 'job 2 is granted disk1'])
})

t.test('jobs of one client wait for one another, whatever the unit takes', async (t) => {
  const { out } = tool('why-waiting', '--limit', '9', '--clients', '1', '--jobs', '2')
  t.match(out, /job 2 waits since .* for client web1: 1 of 1 jobs run \(job 1/)
  t.notMatch(out, /for storage unit/)
})

t.test('a unit that is switched off says so, and nothing is granted', async (t) => {
  const { code, out } = tool('why-waiting', '--limit', '0', '--jobs', '1')
  t.equal(code, 0)
  t.match(out, /^job 1 waits since .* for storage unit disk1, which a limit of 0 disables/)
  t.notMatch(out, /granted/)
})

t.test('numbers out of range are refused', async (t) => {
  t.match(tool('why-waiting', '--jobs', '101'), { code: 2, complaints: /--jobs is a whole number, 1-100/ })
})
