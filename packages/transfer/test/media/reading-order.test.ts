import type { FragmentRecord } from '@nb/contracts'
import fc from 'fast-check'
import t from 'tap'
import type { Range } from '../../src/media/range-list.ts'
import { type Leg, readingOrder } from '../../src/media/reading-order.ts'

/** Fragments of 100 bytes each, on these volumes in order; the tape file counts on each volume. */
function copyOn(...volumes: readonly (readonly [volumeId: string, filemark: number])[]): {
  readonly fragments: readonly FragmentRecord[]
} {
  return {
    fragments: volumes.map(([volumeId, filemark], index) => ({
      number: index + 1,
      streamOffset: index * 100,
      streamBytes: 100,
      wholeMembers: true,
      blockBytes: 512,
      volumeId,
      filemark,
    })),
  }
}

/** The volumes as they are mounted. */
function mountsOf(order: readonly Leg[]): readonly string[] {
  const mounts: string[] = []
  for (const { volumes } of order)
    for (const volume of volumes) if (mounts.at(-1) !== volume) mounts.push(volume)
  return mounts
}

const rangesOf =
  (...ranges: readonly (readonly Range[])[]) =>
  (image: number): Iterable<Range> =>
    ranges[image] ?? []

t.test(
  'a range that crosses comes between what is on its volumes, each of which is mounted once',
  async (t) => {
    const full = copyOn(['V1', 2], ['V2', 2], ['V2', 3])
    const incremental = copyOn(['V1', 1])
    const order = readingOrder(
      [full, incremental],
      rangesOf(
        [
          { offset: 0, bytes: 50 },
          { offset: 80, bytes: 40 },
          { offset: 150, bytes: 10 },
          { offset: 220, bytes: 10 },
        ],
        [{ offset: 10, bytes: 20 }],
      ),
    )
    t.same(
      order.map(({ imageIndex, from, to, volumes }) => [imageIndex, from, to, volumes.join()]),
      [
        [1, 0, 1, 'V1'],
        [0, 0, 1, 'V1'],
        [0, 1, 2, 'V1,V2'],
        [0, 2, 3, 'V2'],
        [0, 3, 4, 'V2'],
      ],
    )
    t.same(mountsOf(order), ['V1', 'V2'])
  },
)

t.test('images that follow one another over volumes are read with each volume mounted once', async (t) => {
  const [first, second, third] = [
    copyOn(['A', 2], ['B', 2]),
    copyOn(['B', 3], ['C', 2]),
    copyOn(['C', 3], ['D', 2], ['E', 2]),
  ]
  const all = [{ offset: 0, bytes: 200 }]
  const files = [0, 60, 120].map((offset) => ({ offset, bytes: 60 }))
  t.same(mountsOf(readingOrder([first, second, third], rangesOf(all, all, all))), ['A', 'B', 'C', 'D'])
  t.same(mountsOf(readingOrder([third, second, first], rangesOf(files, files, files))), ['A', 'B', 'C', 'D'])
})

t.test('on a disk all is read in the order of the images', async (t) => {
  const disk = {
    fragments: [{ number: 1, streamOffset: 0, streamBytes: 9, wholeMembers: true, blockBytes: 512 }],
  }
  const order = readingOrder(
    [disk, disk],
    rangesOf(
      [
        { offset: 0, bytes: 1 },
        { offset: 5, bytes: 1 },
      ],
      [{ offset: 0, bytes: 1 }],
    ),
  )
  t.same(order, [
    { imageIndex: 0, from: 0, to: 2, volumes: [] },
    { imageIndex: 1, from: 0, to: 1, volumes: [] },
  ])
})

t.test(
  'whatever is wanted: each range is read once, and a chain of volumes is gone through once',
  async (t) => {
    const step = fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 250 }))
    fc.assert(
      fc.property(
        fc.array(fc.array(step, { maxLength: 12 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 4, maxLength: 4 }),
        (wanted, starts) => {
          // Image after image on one row of volumes, with as many fragments as its ranges need.
          const lists = wanted.map((steps) => {
            let at = 0
            return steps.map(([gap, bytes]) => {
              const range = { offset: at + gap, bytes }
              at += gap + bytes
              return range
            })
          })
          const copies = lists.map((ranges, image) => {
            const last = ranges.at(-1)
            const count = Math.ceil(((last?.offset ?? 0) + (last?.bytes ?? 1)) / 100)
            const first = starts[image] ?? 1
            return copyOn(
              ...Array.from(
                { length: count },
                (_, index) => [`V${first + (index >> 1)}`, index * 4 + image] as const,
              ),
            )
          })
          const order = readingOrder(copies, (image) => lists[image] ?? [])
          const read = lists.map((ranges) => ranges.map(() => 0))
          for (const { imageIndex, from, to } of order)
            for (let index = from; index < to; index++) (read[imageIndex] as number[])[index]! += 1
          const isOnce = read.every((counts) => counts.every((count) => count === 1))
          const crossings = order.filter(({ volumes }) => volumes.length > 1).length
          const mounts = mountsOf(order)
          // A volume is mounted again at the most for each range that crosses beyond it.
          return isOnce && mounts.length <= new Set(mounts).size + 2 * crossings
        },
      ),
      { seed: 20_261_127 },
    )
    t.pass('all')
  },
)
