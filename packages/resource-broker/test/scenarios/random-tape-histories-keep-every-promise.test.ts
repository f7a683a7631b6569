import fc from 'fast-check'
import t from 'tap'
import { propertyRuns } from '../property-runs.ts'
import { checkPromises } from '../tape-promises.ts'
import { type Step, TapeWorld } from '../tape-world.ts'

const pick = fc.nat(50)
const priority = fc.constantFrom(0, 0, 1, 5, 90_000)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 18,
    arbitrary: fc.record({
      do: fc.constant('acquire' as const),
      priority,
      policy: fc.nat(3),
      client: fc.nat(9),
      need: pick,
    }),
  },
  { weight: 7, arbitrary: fc.record({ do: fc.constant('release' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('expire' as const), pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('priority' as const), pick, priority }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('state' as const),
      what: fc.constantFrom('unit' as const, 'drive' as const, 'server' as const, 'robot' as const),
      pick,
      up: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('mount' as const), drive: pick, volume: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unmount' as const), drive: pick }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      during: fc.constantFrom('acquire' as const, 'release' as const),
      turns: fc.nat(30),
      pick,
    }),
  },
)

t.test(
  'tape, disk, groups that share drives, throttles, turns and crashes: nothing is given twice',
  async (t) => {
    t.setTimeout(3_600_000)
    const { numRuns, seed } = propertyRuns(t, 40)
    const sum = { grants: 0, waits: 0, crashes: 0, passings: 0, turns: 0, shared: 0 }
    const history = fc.array(step, { minLength: 15, maxLength: 60 })
    const property = fc.asyncProperty(history, fc.nat(), async (steps, powerSeed) => {
      const world = await TapeWorld.open(powerSeed)
      try {
        for (const one of steps) {
          await world.take(one)
          await checkPromises(world)
        }
        await world.finish(checkPromises)
      } finally {
        for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += world.count[name]
        await world.close()
      }
    })
    await fc.assert(property, { numRuns, seed })
    t.comment(JSON.stringify(sum))
    for (const [name, times] of Object.entries(sum)) t.ok(times > numRuns / 10, `${name} came often enough`)
  },
)
