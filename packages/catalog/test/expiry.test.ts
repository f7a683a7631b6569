import type { ImageRecord } from '@nb/contracts'
import fc from 'fast-check'
import t from 'tap'
import { planExpiry } from '../src/expiry.ts'

function image(backupId: string, neededImages: readonly string[]): ImageRecord {
  return { backupId, state: 'complete', neededImages } as unknown as ImageRecord
}

/** Images that need some of those before them; some are due. */
const histories = fc
  .array(fc.record({ due: fc.boolean(), needs: fc.array(fc.nat(11), { maxLength: 4 }) }), { maxLength: 12 })
  .map((list) =>
    list.map(({ due, needs }, number) => ({
      due,
      image: image(`c_${number}`, [
        ...new Set(needs.filter((needed) => needed < number).map((id) => `c_${id}`)),
      ]),
    })),
  )

t.test(
  'nothing ends that a kept image needs, nothing is held without need, and the order is safe',
  async () => {
    fc.assert(
      fc.property(histories, (history) => {
        const due = history.filter((one) => one.due).map((one) => one.image)
        const neededBy = new Map(
          due.map(({ backupId }) => [
            backupId,
            history
              .filter((one) => one.image.neededImages.includes(backupId))
              .map((one) => one.image.backupId),
          ]),
        )
        const { expire, held } = planExpiry(due, neededBy)
        const kept = new Map(history.map((one) => [one.image.backupId, one.image]))
        const sound = expire.every((backupId) => {
          kept.delete(backupId)
          return [...kept.values()].every((other) => !other.neededImages.includes(backupId))
        })
        const heldForCause = held.every((id) =>
          [...kept.values()].some((other) => other.neededImages.includes(id)),
        )
        return sound && heldForCause && expire.length + held.length === due.length
      }),
    )
  },
)

t.test('a long chain ends at once, last first', async (t) => {
  const chain = Array.from({ length: 20_000 }, (_, number) =>
    image(`c_${number}`, number === 0 ? [] : [`c_${number - 1}`]),
  )
  const neededBy = new Map(
    chain.map(({ backupId }, number) => [backupId, number === 19_999 ? [] : [`c_${number + 1}`]]),
  )
  const { expire, held } = planExpiry(chain, neededBy)
  t.same(held, [])
  t.equal(expire[0], 'c_19999')
  t.equal(expire.at(-1), 'c_0')
})
