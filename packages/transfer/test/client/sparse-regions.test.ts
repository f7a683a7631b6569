import fc from 'fast-check'
import t from 'tap'
import { findDataRegions } from '../../src/client/sparse-regions.ts'

/** A file of `bits.length` units: true where it has data. */
function fileOf(bits: readonly boolean[], unit: number) {
  const sizeBytes = bits.length * unit
  const next = (from: number, wanted: boolean): number | undefined => {
    for (let at = from; at < sizeBytes; at = (Math.floor(at / unit) + 1) * unit) {
      if (bits[Math.floor(at / unit)] === wanted) return at
    }
    return undefined
  }
  const seeker = {
    seekData: (at: number) => next(at, true),
    seekHole: (at: number) => (at >= sizeBytes ? undefined : (next(at, false) ?? sizeBytes)),
  }
  return { sizeBytes, seeker }
}

t.test('regions are the data, or cover it where they are too many', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 40 }),
      (bits, max) => {
        const unit = 1000
        const { sizeBytes, seeker } = fileOf(bits, unit)
        const regions = findDataRegions(sizeBytes, seeker, max)
        if (regions === undefined) {
          t.ok(
            bits.every(Boolean) || bits.filter((bit, i) => bit && bits[i - 1] !== true).length > max,
            'no hole worth it',
          )
          return
        }
        t.ok(regions.length <= max)
        let end = -1
        for (const { offset, length } of regions) {
          t.ok(offset > end && length > 0, 'ascending, apart')
          end = offset + length
        }
        t.ok(end <= sizeBytes)
        const covers = (i: number): boolean =>
          regions.some((r) => r.offset <= i * unit && (i + 1) * unit <= r.offset + r.length)
        const pieces = bits.filter((bit, i) => bit && bits[i - 1] !== true).length
        bits.forEach((bit, i) => {
          if (bit) t.ok(covers(i), 'all data is stored')
          else if (pieces <= max) t.notOk(covers(i), 'no hole is stored')
        })
      },
    ),
    { numRuns: 200 },
  )
})

t.test('a file without holes has no regions, one that is all hole has none to store', async (t) => {
  t.equal(findDataRegions(5000, { seekData: (at) => at, seekHole: () => 5000 }, 10), undefined)
  t.strictSame(findDataRegions(5000, { seekData: () => undefined, seekHole: () => 0 }, 10), [])
})
