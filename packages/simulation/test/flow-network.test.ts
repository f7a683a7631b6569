import t from 'tap'
import { createVirtualClock, seededRandom } from '@nb/test-kit'
import { FlowNetwork, TimeSeries, fairRates, seriesStepMs } from '@nb/simulation'

/** Rates by rising in small steps: slow, and hard to get wrong. */
function slowRates(
  flows: readonly { readonly links: readonly { bytesPerSecond: number }[] }[],
  step: number,
): number[] {
  const rates = flows.map(() => 0)
  const stuck = flows.map(() => false)
  while (stuck.includes(false)) {
    for (const [index, flow] of flows.entries()) {
      if (stuck[index] === true) continue
      const fits = flow.links.every((link) => {
        const used = flows.reduce(
          (sum, other, at) => sum + (other.links.includes(link) ? (rates[at] as number) : 0),
          0,
        )
        return used + step <= link.bytesPerSecond + 1e-9
      })
      if (fits) rates[index] = (rates[index] as number) + step
      else stuck[index] = true
    }
  }
  return rates
}

t.test('fair rates are those that rising together gives', (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed)
    const links = Array.from({ length: 6 }, () => ({ bytesPerSecond: 10 + Math.floor(random() * 90) }))
    const flows = Array.from({ length: 1 + Math.floor(random() * 8) }, () => ({
      links: links.filter(() => random() < 0.4),
    })).filter(({ links: own }) => own.length > 0)
    const fair = [...fairRates(flows).values()]
    const slow = slowRates(flows, 0.05)
    for (const [index, rate] of fair.entries()) {
      if (Math.abs(rate - (slow[index] as number)) > 0.5)
        t.fail(`seed ${seed}: ${String(fair)} and ${String(slow)}`)
    }
    for (const link of links) {
      const used = flows.reduce(
        (sum, { links: own }, at) => sum + (own.includes(link) ? (fair[at] as number) : 0),
        0,
      )
      if (used > link.bytesPerSecond * (1 + 1e-9)) t.fail(`seed ${seed}: a link carries ${used}`)
    }
  }
  t.pass()
  t.end()
})

t.test('a flow that starts takes its share at once, one that ends gives it back', async (t) => {
  const clock = createVirtualClock(0, { settleTurns: 1 })
  const network = new FlowNetwork(clock)
  const series = new TimeSeries(0)
  const drive = network.addLink({ name: 'drive', bytesPerSecond: 100, series })
  const client = network.addLink({ name: 'slow client', bytesPerSecond: 20 })
  const ended: [string, number][] = []
  const note = (name: string) => () => void ended.push([name, clock.now()])
  const first = network.start(1000, [drive])
  void first.done.then(note('first'))
  await clock.advance(5000)
  // 500 are left; from now on 80 and 20 a second.
  void network.start(100, [drive, client]).done.then(note('slow'))
  await clock.advance(60_000)
  // After 5 s the slow one is done and 100 are left at 100 a second.
  t.same(ended, [
    ['slow', 10_000],
    ['first', 11_000],
  ])
  t.same(series.until(60_000), [1100])
})

t.test('a flow that is broken off leaves what has passed, and nothing else', async (t) => {
  const clock = createVirtualClock(0, { settleTurns: 1 })
  const network = new FlowNetwork(clock)
  const series = new TimeSeries(0)
  const disk = network.addLink({ name: 'disk', bytesPerSecond: 10, series })
  t.equal(network.link('disk'), disk)
  const flow = network.start(1_000_000, [disk])
  const broken = t.rejects(flow.done, { message: 'enough' })
  await clock.advance(2 * seriesStepMs + 1000)
  flow.abort(new Error('enough'))
  flow.abort(new Error('again'))
  await broken
  t.same(series.until(3 * seriesStepMs), [36_000, 36_000, 10])
  await clock.advance(0)
  t.equal(clock.pendingTimers, 0)
  t.throws(() => new FlowNetwork(clock).start(1, [disk]), { message: /disk is of another network/ })
})

t.test('what passes is counted to the byte, whatever comes and goes', async (t) => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = seededRandom(seed)
    const clock = createVirtualClock(0, { settleTurns: 1 })
    const network = new FlowNetwork(clock)
    const series = [new TimeSeries(0), new TimeSeries(0), new TimeSeries(0)]
    const links = series.map((passed, index) =>
      network.addLink({
        name: `link ${index}`,
        bytesPerSecond: 200 + Math.floor(random() * 1000),
        series: passed,
      }),
    )
    const sums = [0, 0, 0]
    for (let count = 0; count < 40; count++) {
      const bytes = 1 + Math.floor(random() * 1e6)
      const own = [0, 1, 2].filter(() => random() < 0.6)
      if (own.length === 0) continue
      for (const index of own) sums[index] = (sums[index] as number) + bytes
      void network.start(
        bytes,
        own.flatMap((index) => links[index] ?? []),
      )
      await clock.advance(Math.floor(random() * 100_000))
    }
    await clock.advance(5e8)
    for (const [index, passed] of series.entries()) {
      const counted = passed.until(clock.now()).reduce((sum, bytes) => sum + bytes, 0)
      if (Math.abs(counted - (sums[index] as number)) > 0.01)
        t.fail(`seed ${seed}: ${counted} of ${sums[index]}`)
    }
  }
  t.pass()
})

t.test('flows end when they would if all rates were found anew at every change', async (t) => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = seededRandom(seed)
    const draw = (below: number): number => Math.floor(random() * below)
    const clock = createVirtualClock(0, { settleTurns: 1 })
    const network = new FlowNetwork(clock)
    const links = Array.from({ length: 12 }, (_, index) => {
      // Four that many share, eight of clients; some have no limit.
      const bytesPerSecond = draw(8) === 0 ? Infinity : (index < 4 ? 300 : 20) * (1 + draw(10))
      const link = { name: `link ${index}`, bytesPerSecond }
      return network.addLink(link)
    })
    const starts = Array.from({ length: 30 }, () => {
      const own = [links[draw(4)], links[draw(4)], links[4 + draw(8)]].filter((link) => link !== undefined)
      return { at: 1000 * draw(60), bytes: 1000 * (1 + draw(50)), links: [...new Set(own)] }
    })
    const ended: number[] = []
    for (const [index, start] of starts.entries())
      clock.setTimer(start.at, () => {
        const flow = network.start(start.bytes, start.links)
        void flow.done.then(() => (ended[index] = clock.now()))
      })
    await clock.advance(1e8)
    const expected = slowEnds(starts)
    for (const [index, at] of expected.entries())
      if (Math.abs(at - (ended[index] ?? Infinity)) > 50)
        t.fail(`seed ${seed}, flow ${index}: ended at ${ended[index]}, not ${at}`)
  }
  t.pass()
})

/** When flows end, milliseconds: all rates anew at every change. */
function slowEnds(
  starts: readonly {
    readonly at: number
    readonly bytes: number
    readonly links: readonly { bytesPerSecond: number }[]
  }[],
): number[] {
  const ends: number[] = []
  const left = starts.map(({ bytes }) => bytes)
  let now = 0
  for (;;) {
    const running = starts.filter(({ at }, index) => at <= now && ends[index] === undefined)
    const rates = fairRates(running)
    const next = Math.min(...starts.map(({ at }) => (at > now ? at : Infinity)))
    const rateOf = (index: number): number => rates.get(starts[index] as (typeof starts)[number]) ?? 0
    const takes = left.map((bytes, index) => {
      const rate = rateOf(index)
      return ends[index] !== undefined || rate === 0
        ? Infinity
        : rate === Infinity
          ? 0
          : (bytes / rate) * 1000
    })
    const until = Math.min(next, now + Math.min(...takes))
    if (until === Infinity) return ends
    for (const index of left.keys()) {
      const rate = rateOf(index)
      if (ends[index] !== undefined || rate === 0) continue
      if (now + (takes[index] as number) <= until + 1e-6) ends[index] = until
      else left[index] = (left[index] as number) - (rate * (until - now)) / 1000
    }
    now = until
  }
}
