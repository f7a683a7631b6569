import { BlockChecksums, encodeFragmentHeader, encodeFragmentTrailer } from '../../src/index.ts'
import type { FragmentHeader } from '../../src/index.ts'

/** A header that needs nothing else. */
export function fragmentHeader(fields: Partial<FragmentHeader> = {}): FragmentHeader {
  return {
    backupId: 'client_1700000000',
    client: 'client',
    policy: 'nightly',
    schedule: 'full',
    copy: 1,
    fragment: 1,
    streamOffset: 0,
    startsAtMemberBoundary: true,
    blockBytes: 262_144,
    created: '2026-01-02T03:04:05.678Z',
    ...fields,
  }
}

/** A piece of a stream, and whether it is cut inside a member. */
export interface Cut {
  readonly payload: Buffer
  readonly startsAtMemberBoundary: boolean
  readonly endsAtMemberBoundary: boolean
}

/** Whole fragment files for pieces of one stream. */
export function fragmentsOf(cuts: readonly Cut[], fields: Partial<FragmentHeader> = {}): Buffer[] {
  let streamOffset = 0
  return cuts.map(({ payload, startsAtMemberBoundary, endsAtMemberBoundary }, index) => {
    const fragment = index + 1
    const header = encodeFragmentHeader(
      fragmentHeader({ ...fields, fragment, streamOffset, startsAtMemberBoundary }),
    )
    const blocks = new BlockChecksums(fields.blockBytes)
    blocks.update(payload)
    streamOffset += payload.length
    const trailer = encodeFragmentTrailer({
      header,
      payloadBytes: payload.length,
      endsAtMemberBoundary,
      lastFragment: fragment === cuts.length,
      image: { backupId: 'client_1700000000', fragments: fragment },
      files: [Buffer.from('file list of '), Buffer.from(`fragment ${fragment}`)],
      blocks: blocks.finish(),
    })
    return Buffer.concat([header, payload, ...trailer])
  })
}
