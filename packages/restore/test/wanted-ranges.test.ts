import fc from 'fast-check'
import t from 'tap'
import { WantedRanges } from '../src/wanted-ranges.ts'

interface Member {
  readonly offset: number
  readonly bytes: number
}

/** The same, byte by byte. */
function rangesOf(members: readonly Member[]): Member[] {
  const bytes = new Set(
    members.flatMap(({ offset, bytes }) => Array.from({ length: bytes }, (_, at) => offset + at)),
  )
  const ranges: { offset: number; bytes: number }[] = []
  for (const at of [...bytes].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last !== undefined && last.offset + last.bytes === at) last.bytes += 1
    else ranges.push({ offset: at, bytes: 1 })
  }
  return ranges
}

function wantedOf(members: readonly Member[]): ReturnType<WantedRanges['all']> {
  const wanted = new WantedRanges()
  for (const { offset, bytes } of members) wanted.add(offset, bytes)
  return wanted.all()
}

t.test('members in any order make ranges that do not touch', async (t) => {
  const member = fc.record({ offset: fc.nat({ max: 200 }), bytes: fc.nat({ max: 12 }) })
  fc.assert(
    fc.property(fc.array(member, { maxLength: 60 }), (members) => {
      t.strictSame(wantedOf(members), {
        entries: members.filter(({ bytes }) => bytes > 0).length,
        ranges: rangesOf(members),
      })
    }),
    { numRuns: 200, seed: 20261127 },
  )
})

t.test('a member that stands elsewhere, again and again, costs nothing for long', async (t) => {
  const members = Array.from({ length: 20_000 }, (_, index) => [
    { offset: index * 10, bytes: 10 },
    { offset: 0, bytes: 10 },
  ]).flat()
  t.strictSame(wantedOf(members), { entries: 40_000, ranges: [{ offset: 0, bytes: 200_000 }] })
})

t.test('up to a thousand places are told', async (t) => {
  const apart = (count: number): Member[] =>
    Array.from({ length: count }, (_, index) => ({ offset: index * 10, bytes: 5 }))
  t.equal(wantedOf(apart(1000))?.ranges.length, 1000)
  t.equal(wantedOf(apart(1001)), undefined)
  t.equal(wantedOf(apart(50_000)), undefined)
  t.strictSame(wantedOf([]), { entries: 0, ranges: [] })
})
