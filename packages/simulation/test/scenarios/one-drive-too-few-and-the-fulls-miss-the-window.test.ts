import t from 'tap'
import { simulate } from '../play.ts'
import { clients, fullSchedule, gigabyte, hour, monday, nightly, policy, tapeSite } from '../sites.ts'

const names = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7']
const rest = {
  clients: clients(7, 720 * gigabyte),
  policies: [policy(names, [fullSchedule(nightly(20, 6, [1]))])],
}

// 720 GB at 100 MB/s are two hours; the window is six hours long, so that three starts fit on a drive.
t.test('with two drives six of seven fulls start, and the seventh ends with 196', async (t) => {
  const { jobs, misses, drives, waiting } = await simulate(tapeSite(2, 10, rest), 2)
  t.same(
    jobs.map(({ status, activeAt, endedAt }) => [
      status,
      ((activeAt ?? 0) - monday) / hour,
      ((endedAt ?? 0) - monday) / hour,
    ]),
    [
      [0, 20, 22],
      [0, 20, 22],
      [0, 22, 24],
      [0, 22, 24],
      [0, 24, 26],
      [0, 24, 26],
      [196, -monday / hour, 26],
    ],
  )
  t.match(misses, [{ kind: 'not-started', client: 'c7', status: 196, waitedFor: { name: /tape1|drive/ } }])
  t.match(waiting[0], { policy: 'nightly' })
  for (const { heldMs, bytes } of drives) {
    t.same(
      heldMs.slice(7, 15).map((ms) => ms / hour),
      [0, 1, 1, 1, 1, 1, 1, 0],
    )
    t.same(
      bytes.reduce((sum, each) => sum + each, 0),
      3 * 720 * gigabyte,
    )
  }
})

t.test('with a third drive none misses', async (t) => {
  const { jobs, misses } = await simulate(tapeSite(3, 10, rest), 2)
  t.same(misses, [])
  t.same(
    jobs.map(({ status, endedAt }) => [status, ((endedAt ?? 0) - monday) / hour]),
    [
      [0, 22],
      [0, 22],
      [0, 22],
      [0, 24],
      [0, 24],
      [0, 24],
      [0, 26],
    ],
  )
})
