import fc from 'fast-check'
import t from 'tap'
import { PlanIndex } from '../../src/client/extractor/plan-index.ts'

function add(
  plan: PlanIndex,
  path: string,
  imageIndex: number,
  memberOffset: number,
  linkCount: number,
  inode: number,
): void {
  const identityKey = `1:${inode}`
  const digest = undefined
  const entry = { kind: 'file', linkCount, imageIndex, memberOffset, identityKey, digest } as const
  plan.add(entry, Buffer.from(path))
}

t.test('every entry is found where its member stands, in the order of the plan', async (t) => {
  const entry = fc.record({
    image: fc.integer({ min: 0, max: 3 }),
    offset: fc.integer({ min: 0, max: 20 }),
    links: fc.integer({ min: 1, max: 2 }),
  })
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 60 }), (entries) => {
      const plan = new PlanIndex()
      entries.forEach(({ image, offset, links }, i) =>
        add(plan, `/p${i}`, image, offset * 512, links, offset),
      )
      plan.close()
      for (let image = 0; image < 4; image++) {
        for (let offset = 0; offset <= 20; offset++) {
          const expected = entries.flatMap((e, i) =>
            e.image === image && e.offset === offset ? [`/p${i}`] : [],
          )
          t.strictSame(
            plan.targetsOf(image, offset * 512).map((target) => target.path.toString()),
            expected,
          )
        }
      }
      entries.forEach(({ links, offset }, i) =>
        t.equal(plan.target(i).linkKey, links > 1 ? `1:${offset}` : undefined),
      )
    }),
    { numRuns: 30 },
  )
})

t.test('an entry that follows is the one that is found, and only where it is alone', async (t) => {
  const entry = fc.record({
    offset: fc.integer({ min: 0, max: 60 }),
    links: fc.constantFrom(1, 1, 1, 2),
    asked: fc.constantFrom(true, true, true, true, true, false),
  })
  let followed = 0
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 40 }), (entries) => {
      const plan = new PlanIndex()
      entries.forEach(({ offset, links }, i) => add(plan, `/d/p${i}`, 0, offset * 512, links, offset))
      plan.close()
      const wanted = [...new Set(entries.filter(({ asked }) => asked).map(({ offset }) => offset))]
      for (const offset of wanted.sort((a, b) => a - b)) {
        const alone = entries.flatMap((e, i) => (e.offset === offset ? [i] : []))
        const found = plan.following(0, offset * 512)
        if (found < 0) {
          t.equal(plan.targetsOf(0, offset * 512).length, alone.length)
          continue
        }
        followed++
        t.strictSame([found], alone)
        t.equal(entries[found]?.links, 1, 'one with further names is none')
        t.equal(plan.paths.toString('latin1', plan.pathStart(found), plan.pathEnd(found)), `/d/p${found}`)
        plan.passFollowing()
        t.notOk([...plan.undone()].some((target) => target.entry === found))
      }
    }),
    { numRuns: 100, seed: 20261127 },
  )
  t.ok(followed > 100)
  const plan = new PlanIndex()
  add(plan, '/a', 0, 0, 1, 1)
  add(plan, '/b', 1, 512, 1, 2)
  plan.close()
  t.equal(plan.following(0, 512), -1)
  t.equal(plan.following(1, 0), -1)
  t.equal(plan.following(0, 0), 0)
  t.equal(plan.following(0, 0), 0, 'it stays until it is passed')
  plan.passFollowing()
  t.equal(plan.following(1, 512), 1)
  plan.passFollowing()
  t.equal(plan.following(1, 1024), -1)
})

t.test('what was dealt with is not asked for again, and many entries fit', async (t) => {
  const plan = new PlanIndex()
  for (let i = 0; i < 5000; i++) {
    add(plan, `/some/directory/file-${i}`, 0, i * 1024, 1, i)
    if (i % 2 === 0) plan.markDone(i)
  }
  plan.close()
  for (let i = 1; i < 5000; i += 2) if (i !== 4321) plan.markDone(i)
  t.strictSame(
    [...plan.undone()].map((target) => target.path.toString()),
    ['/some/directory/file-4321'],
  )
  t.equal(plan.targetsOf(0, 4999 * 1024)[0]?.path.toString(), '/some/directory/file-4999')
  t.strictSame(plan.targetsOf(0, 1), [])
})
