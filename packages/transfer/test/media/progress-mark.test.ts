import t from 'tap'
import { ProgressMark } from '../../src/media/progress-mark.ts'

t.test('a mark is waited for until it is reached or passed', async (t) => {
  const mark = new ProgressMark(3)
  const { signal } = new AbortController()
  await mark.reached(3, signal)
  const order: number[] = []
  const waits = [5, 4, 9].map((goal) => mark.reached(goal, signal).then(() => order.push(goal)))
  mark.reach(4)
  await waits[1]
  mark.reach(7)
  await waits[0]
  t.strictSame(order, [4, 5])
  mark.reach(9)
  await waits[2]
  t.equal(mark.at, 9)
})

t.test('a wait ends with the reason of its signal', async (t) => {
  const mark = new ProgressMark(0)
  const giveUp = new AbortController()
  const waiting = mark.reached(1, giveUp.signal)
  giveUp.abort(new Error('the session has failed'))
  await t.rejects(waiting, { message: 'the session has failed' })
})
