import type { CallOptions, DescribedFragment, Json } from '@nb/contracts'
import { FormatError } from '@nb/formats'
import { type ReadVolume, type WantedFragment, findFragment } from './find-fragment.ts'
import { recordOf } from './fragment-ends.ts'
import { corruptFragment } from './fragment-identity.ts'
import { layoutOf } from './open-fragment.ts'

/**
 * What a fragment tells of itself and its image; all but its payload is checked. Rejects with `fragment-missing`, `fragment-corrupt`, and as the
 * drive does.
 */
export async function describeFragment(
  volume: ReadVolume,
  wanted: WantedFragment,
  options?: CallOptions,
): Promise<DescribedFragment> {
  return findFragment(volume, wanted, options, async (found) => {
    const { identity, ends, trailer } = found
    await trailer.check(options)
    const image = await trailer.member('IMAGE.json', options)
    await layoutOf(found, options)
    return {
      fragment: recordOf(ends),
      last: ends.footer.lastFragment,
      image: JSON.parse(image.toString('utf8')) as Json,
      readFileList: async function* (readOptions) {
        try {
          yield* trailer.stream('FILES', readOptions)
        } catch (error) {
          throw error instanceof FormatError ? corruptFragment(identity, error) : error
        }
      },
      close: async () => undefined,
    }
  })
}
