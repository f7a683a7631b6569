import type { Catalog, ImageRecord } from '@nb/contracts'
import t from 'tap'
import { giveUpStorageUnit } from '../src/index.ts'
import { describeReference, earlierImages } from '../src/reference-image.ts'

type Known = Pick<ImageRecord, 'backupId' | 'state' | 'scheduleType' | 'neededImages'> & {
  units: readonly string[]
}

/** A catalog of these images, newest first. */
function catalogOf(known: readonly Known[]) {
  const images = known.map(
    ({ units, ...image }) =>
      ({
        ...image,
        policy: 'p',
        client: 'c',
        copies: units.map((storageUnit, index) => ({ copy: index + 1, storageUnit })),
      }) as unknown as ImageRecord,
  )
  const calls: string[] = []
  const catalog: Pick<Catalog, 'listImages' | 'removeCopy' | 'expireImage' | 'getImage'> = {
    async *listImages() {
      yield* images.filter(({ state }) => state === 'complete')
    },
    getImage: async ({ backupId }) => images.find((image) => image.backupId === backupId),
    removeCopy: async ({ backupId, copy }) => {
      calls.push(`${backupId} loses ${copy}`)
      return images[0] as ImageRecord
    },
    expireImage: async ({ backupId, force }) => {
      calls.push(`${backupId} expires${force === true ? ' by force' : ''}`)
    },
  }
  return { catalog: catalog as Catalog, calls }
}

t.test(
  'a lost storage unit: images that are elsewhere too keep that copy, the others are expired',
  async (t) => {
    const { catalog, calls } = catalogOf([
      {
        backupId: 'both',
        state: 'complete',
        scheduleType: 'full',
        neededImages: [],
        units: ['disk1', 'disk2'],
      },
      { backupId: 'there', state: 'complete', scheduleType: 'full', neededImages: [], units: ['disk1'] },
      {
        backupId: 'twice',
        state: 'complete',
        scheduleType: 'full',
        neededImages: [],
        units: ['disk1', 'disk1'],
      },
      { backupId: 'not', state: 'complete', scheduleType: 'full', neededImages: [], units: ['disk2'] },
      { backupId: 'over', state: 'expired', scheduleType: 'full', neededImages: [], units: ['disk1'] },
    ])
    t.same(await giveUpStorageUnit({ catalog }, 'disk1'), { elsewhere: ['both'], gone: ['there', 'twice'] })
    t.same(calls, ['both loses 1', 'there expires by force', 'twice expires by force'])
  },
)

t.test('an incremental is not compared with an image whose data is gone in part', async (t) => {
  const incremental = { scheduleType: 'differential', units: ['disk2'] } as const
  const { catalog } = catalogOf([
    { ...incremental, backupId: 'i3', state: 'complete', neededImages: ['i3', 'full'] },
    { ...incremental, backupId: 'i2', state: 'complete', neededImages: ['never-heard-of'] },
    { ...incremental, backupId: 'i1', state: 'complete', neededImages: ['i1', 'old'] },
    { backupId: 'full', state: 'expired', scheduleType: 'full', neededImages: [], units: [] },
    { backupId: 'old', state: 'complete', scheduleType: 'full', neededImages: [], units: ['disk2'] },
  ])
  const of = { policy: 'p', client: 'c', stream: undefined }
  const { choice } = await earlierImages(catalog, of, 'differential', new AbortController().signal)
  t.equal(choice.reference?.backupId, 'i1')
  t.equal(
    describeReference('p', 'c', 'incr', choice),
    'comparing with image i1; not with i3, i2, whose data lies partly in images that are gone',
  )
})
