import type { CallOptions, DescribedFragment, Json } from '@nb/contracts'
import { FormatError } from '@nb/formats'
import type { FoundFragment } from './find-fragment.ts'
import { recordOf } from './fragment-ends.ts'
import { corruptFragment } from './fragment-identity.ts'

/** What a fragment tells of itself; all but its payload has been checked. Throws `FormatError`. */
export async function describeFound(
  { identity, ends, trailer }: FoundFragment,
  options?: CallOptions,
): Promise<DescribedFragment> {
  await trailer.check(options)
  const image = await trailer.member('IMAGE.json', options)
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
}
