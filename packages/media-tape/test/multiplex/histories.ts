import type { CompressedFrame, FragmentRecord, NewFragment } from '@nb/contracts'
import { compressFrame } from '@nb/formats'
import { seededRandom } from '@nb/test-kit'
import fc from 'fast-check'
import type { StreamWriter } from '../../src/multiplex/stream-writer.ts'
import { newFragment, noise, rounds, trailerOf } from './multiplexed-tape.ts'

/** What one job of a history does. */
export interface JobPlan {
  /** Bytes of its fragments, and whether each is discarded in the end. */
  readonly fragments: readonly { readonly bytes: number; readonly discard: boolean }[]
  /** Rounds that it waits before each write: how slow its client is. */
  readonly pause: number
  readonly compressed: boolean
  readonly seed: number
}

/** A fragment that was committed: what must be read back. */
export interface Committed {
  readonly fragment: NewFragment
  readonly payload: Buffer
  readonly record: FragmentRecord
  readonly frames?: readonly CompressedFrame[]
}

/** Does what the plans say, all at once; tells what was committed, also where the medium fails before the end. */
export async function runJobs(
  join: (fragment: NewFragment) => Promise<StreamWriter>,
  plans: readonly JobPlan[],
): Promise<{ readonly committed: readonly Committed[]; readonly failures: readonly unknown[] }> {
  const committed: Committed[] = []
  const jobs = plans.map((plan, index) => runJob(join, plan, index + 1, committed))
  const ends = await Promise.allSettled(jobs)
  const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
  return { committed, failures }
}

async function runJob(
  join: (fragment: NewFragment) => Promise<StreamWriter>,
  { fragments, pause, compressed, seed }: JobPlan,
  client: number,
  committed: Committed[],
): Promise<void> {
  const random = seededRandom(seed)
  let streamOffset = 0
  let number = 1
  for (const { bytes, discard } of fragments) {
    await rounds(Math.floor(random() * (pause + 1)))
    const compression = compressed ? ({ compression: 'zstd' } as const) : {}
    const fragment = newFragment(client, { number, streamOffset, ...compression })
    const writer = await join(fragment)
    const payload = noise(seed + number, bytes)
    // Something that gets smaller.
    if (compressed) payload.fill(0, 0, Math.floor(bytes / 2))
    const frames: CompressedFrame[] = []
    for (let at = 0; at < payload.length;) {
      const most = compressed ? 1 + Math.floor(random() * 1000) : 1 + Math.floor(random() * 400)
      const piece = payload.subarray(at, at + most * 512)
      at += piece.length
      if (compressed) {
        const stored = await compressFrame(piece, 'zstd')
        frames.push({ stored, streamBytes: piece.length, startsAtMember: random() < 0.5 })
        await writer.writeFrame(frames.at(-1) as CompressedFrame)
      } else await writer.write(piece)
      await rounds(Math.floor(random() * (pause + 1)))
      if (writer.mustEnd) break
    }
    if (discard) {
      await writer.discard()
      continue
    }
    const written = payload.subarray(0, writer.streamBytes)
    const record = await writer.commit(trailerOf(fragment))
    committed.push({ fragment, payload: written, record, ...(compressed ? { frames } : {}) })
    streamOffset += written.length
    number += 1
  }
}

/** Joins, of which none resolves before so many have ended: they are in one file then. */
export function together(
  join: (fragment: NewFragment) => Promise<StreamWriter>,
  count: number,
): (fragment: NewFragment) => Promise<StreamWriter> {
  let ended = 0
  let open: () => void = () => undefined
  const gate = new Promise<void>((resolve) => (open = resolve))
  return async (fragment) => {
    try {
      return await join(fragment)
    } finally {
      ended += 1
      if (ended === count) open()
      await gate
    }
  }
}

/** What jobs do, at random. */
export const anyPlan: fc.Arbitrary<JobPlan> = fc.record({
  fragments: fc.array(
    fc.record({
      bytes: fc.integer({ min: 0, max: 5 * 511 }).map((blocks) => blocks * 512),
      discard: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  pause: fc.constantFrom(0, 0, 1, 4),
  compressed: fc.boolean(),
  seed: fc.nat(1_000_000),
})
