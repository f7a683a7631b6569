import type { Blocker, MediaNeed } from '@nb/contracts'
import fc from 'fast-check'
import t from 'tap'
import { Interner } from '../src/interner.ts'
import { type Holder, isReached } from '../src/limits.ts'
import { compareRank } from '../src/order.ts'
import { Usage } from '../src/usage.ts'
import { WakeIndex } from '../src/wake-index.ts'
import type { Waiting } from '../src/wake-nodes.ts'
import { propertyRuns } from './property-runs.ts'

const need = (unit: string, volumeId?: string): MediaNeed =>
  interner.need({ kind: 'read', storageUnit: unit, ...(volumeId === undefined ? {} : { volumeId }) })
const blocked = (unit: string): Blocker[] => [
  {
    kind: 'storage-unit-limit',
    name: unit,
    storageUnit: unit,
    reason: 2040,
    holders: [],
    goesOnWhen: 'one of them ends',
  },
]
const interner = new Interner()
const holders = new WeakMap<Waiting, Holder>()
/** One for each. */
function holderOf(one: Waiting): Holder {
  const known = holders.get(one) ?? { jobId: 'j', since: 0 }
  holders.set(one, known)
  return known
}
const policyLimit = (name: string, most: number) => interner.limit({ kind: 'policy', name, most })
const clientLimit = (name: string, most: number) => interner.limit({ kind: 'client', name, most })

type Step =
  | {
      readonly do: 'add'
      readonly priority: number
      readonly policy: number
      readonly client: number
      readonly unit: number
      readonly volume: number
      readonly most: number
    }
  | { readonly do: 'remove'; readonly pick: number }
  | { readonly do: 'serve'; readonly granted: boolean }
  | { readonly do: 'release'; readonly pick: number }
  | { readonly do: 'wake'; readonly unit: number }

const small = fc.nat(2)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('add' as const),
        priority: fc.nat(3),
        policy: small,
        client: small,
        unit: small,
        volume: fc.nat(1),
        most: fc.integer({ min: 1, max: 2 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), pick: fc.nat() }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('serve' as const), granted: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('release' as const), pick: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wake' as const), unit: small }) },
  ),
  { maxLength: 80 },
)

t.test('the next to serve is what a scan of the whole queue finds', async (t) => {
  const { numRuns, seed } = propertyRuns(t)
  fc.assert(
    fc.property(steps, (history) => {
      const index = new WakeIndex<Waiting>()
      const usage = new Usage()
      const waiting: Waiting[] = []
      const granted: Waiting[] = []
      /** What became of the needs that someone waits with: those denied share the reason of their unit. */
      const denied = new Map<MediaNeed, 'closed' | 'woken'>()
      const wake = (unit: string): void => {
        for (const of of denied.keys()) if (unitOf({ need: of }) === unit) denied.set(of, 'woken')
      }
      const deny = (of: MediaNeed): void => {
        denied.set(of, 'woken')
        for (const known of denied.keys())
          if (unitOf({ need: known }) === unitOf({ need: of })) denied.set(known, 'closed')
      }
      const unitOf = ({ need: of }: Pick<Waiting, 'need'>): string =>
        of.kind === 'read' ? of.storageUnit : ''
      const scan = (): Waiting | undefined =>
        waiting
          .filter(
            (one) =>
              denied.get(one.need) !== 'closed' &&
              !isReached(one.policy, usage) &&
              !isReached(one.client, usage),
          )
          .sort(compareRank)[0]
      const take = (from: Waiting[], one: Waiting): void => void from.splice(from.indexOf(one), 1)
      const limitsOf = (one: Waiting) => [one.policy, one.client].filter((limit) => limit !== undefined)
      let arrival = 0

      for (const step of history) {
        if (step.do === 'add') {
          const limits = {
            policy: policyLimit(`p${step.policy}`, step.most),
            client: clientLimit(`c${step.client}`, 1),
          }
          const since = arrival >> 1
          const item: Waiting = {
            need: need(`u${step.unit}`, `v${step.volume}`),
            ...limits,
            priority: step.priority,
            since,
            arrival: arrival++,
            position: -1,
          }
          waiting.push(item)
          index.add(item)
          // A class that nobody waits in is forgotten, and open again.
        } else if (step.do === 'remove') {
          const one = waiting[step.pick % waiting.length]
          if (one === undefined) continue
          take(waiting, one)
          index.remove(one)
        } else if (step.do === 'serve') {
          const one = index.next(usage)
          if (one !== scan()) return false
          if (one === undefined) continue
          const others = waiting.filter((other) => other.need === one.need && other !== one)
          if (index.isAlone(one) ? others.length > 0 : waiting.length === 1) return false
          index.remove(one)
          take(waiting, one)
          if (step.granted) {
            granted.push(one)
            usage.add(holderOf(one), limitsOf(one))
          } else {
            waiting.push(one)
            index.add(one)
            index.close(one.need, blocked(unitOf(one)))
            deny(one.need)
          }
        } else if (step.do === 'release') {
          const one = granted[step.pick % granted.length]
          if (one === undefined) continue
          take(granted, one)
          usage.delete(holderOf(one), limitsOf(one))
          for (const limit of limitsOf(one)) index.unpark(limit, usage)
          index.wake({ storageUnits: [unitOf(one)] })
          wake(unitOf(one))
        } else {
          index.wake({ storageUnits: [`u${step.unit}`] })
          wake(`u${step.unit}`)
        }
        for (const of of denied.keys()) if (!waiting.some((one) => one.need === of)) denied.delete(of)
        if (index.next(usage) !== scan() || index.size !== waiting.length) return false
      }
      return true
    }),
    { numRuns, seed },
  )
})

t.test(
  'a class wakes by the units it was refused for, a group by its own change, any by everything',
  async (t) => {
    const index = new WakeIndex<Waiting>()
    const write = (storage: Extract<MediaNeed, { kind: 'write' }>['storage']): MediaNeed => ({
      kind: 'write',
      storage,
      volumePool: 'NetBackup',
      retentionLevel: 1,
    })
    const needs = [
      write({ kind: 'any' }),
      write({ kind: 'group', name: 'g' }),
      write({ kind: 'unit', name: 'u1' }),
    ]
    const open = () => needs.filter((of) => index.closedBy(of).length === 0).length
    const close = () => needs.forEach((of) => index.close(of, blocked('u1')))
    for (const [arrival, of] of needs.entries())
      index.add({ need: of, priority: 0, since: 0, arrival, position: -1 })
    close()
    t.equal(open(), 0)
    index.wake({ storageUnits: ['u2'] })
    t.equal(open(), 1, 'any')
    close()
    index.wake({ storageUnits: [], groups: ['g'] })
    t.equal(open(), 2, 'any and the group')
    close()
    index.wake({ storageUnits: ['u1'] })
    t.equal(open(), 3, 'all')
  },
)

t.test('serving from a long queue looks at heads only', async (t) => {
  const index = new WakeIndex<Waiting>()
  const usage = new Usage()
  const jobs = 20_000
  for (let arrival = 0; arrival < jobs; arrival++)
    index.add({
      need: need(`u${arrival % 7}`),
      policy: policyLimit(`p${arrival % 50}`, 1),
      client: clientLimit(`c${arrival % 1000}`, 1),
      priority: arrival % 3,
      since: arrival,
      arrival,
      position: -1,
    })
  let served = 0
  const running: Waiting[] = []
  for (;;) {
    const one = index.next(usage)
    const limits = (of: Waiting) => [of.policy, of.client].filter((limit) => limit !== undefined)
    if (one === undefined) {
      const done = running.shift()
      if (done === undefined) break
      usage.delete(holderOf(done), limits(done))
      for (const limit of limits(done)) index.unpark(limit, usage)
      continue
    }
    index.remove(one)
    usage.add(holderOf(one), limits(one))
    running.push(one)
    served += 1
  }
  t.equal(served, jobs)
  t.equal(index.size, 0)
})
