import {
  type CallOptions,
  type CopyDamage,
  type CopyToRead,
  type ChannelTicket,
  type ErrorCode,
  type FragmentReader,
  type FragmentRecord,
  type MountedMedium,
  type VerifyEvent,
  asNbError,
  throwIfAborted,
} from '@nb/contracts'
import { ListEntries } from './list-entries.ts'
import { MemberCheck } from './member-check.ts'
import { ReadVolumes } from './read-volumes.ts'
import type { SessionHost } from './session.ts'

/** Progress is told each time so many bytes have been looked at. */
const TELL_BYTES = 16 * 1024 * 1024

/** What is told as damage and not as a failure of the verification. */
const damages: ReadonlySet<ErrorCode> = new Set([
  'fragment-missing',
  'fragment-corrupt',
  'media-read-failed',
] as const)

/** Reads all of a copy and compares it with its checksums, the catalog's record of it, and the file list. */
export async function* verifyCopy(
  host: SessionHost,
  input: CopyToRead & { readonly list: ChannelTicket },
  options?: CallOptions,
): AsyncGenerator<VerifyEvent, void, undefined> {
  throwIfAborted(options)
  const { jobId, allocation, backupId, copy } = input
  const list = await host.channels.connect({ ticket: input.list }, options)
  const found: CopyDamage[] = []
  const members = new MemberCheck(
    new ListEntries(list),
    (damage) => void found.push(damage),
    async () => {
      throwIfAborted(options)
      await new Promise<void>((resolve) => setImmediate(resolve))
    },
  )
  const told = function* (): Generator<VerifyEvent> {
    for (const damage of found.splice(0)) yield { kind: 'damage', ...damage }
  }
  const volumes = new ReadVolumes(host, { jobId, allocation }, options)
  let isWhole = true
  let bytes = 0
  let toldBytes = 0
  try {
    await volumes.mount()
    found.push(...gapsIn(copy.fragments))
    for (const fragment of copy.fragments) {
      const wanted = await volumes.before(fragment)
      if (wanted !== undefined) {
        const { requestId, volumeId } = wanted
        yield { kind: 'next-volume', requestId, volumeId }
        await wanted.mounted()
      }
      const { medium } = volumes
      const beginsAtMember = fragment.streamOffset === 0 || fragment.wholeMembers
      if (beginsAtMember && !members.isFollowing) members.beginAt(fragment.streamOffset)
      for await (const piece of piecesOf({ medium, backupId, copy: copy.copy, fragment }, options)) {
        if (piece instanceof Uint8Array) {
          bytes += piece.length
          await members.push(piece, fragment.number)
        } else {
          found.push({ fragment: fragment.number, ...piece })
          members.lose()
        }
        isWhole &&= members.isFollowing
        yield* told()
        if (bytes - toldBytes < TELL_BYTES) continue
        toldBytes = bytes
        yield { kind: 'progress', bytes }
      }
    }
    await members.finish(isWhole)
    yield* told()
    yield { kind: 'verified', fragments: copy.fragments.length, bytes, members: members.members }
  } catch (error) {
    list.abort((error as Error).message)
    throw error
  } finally {
    await volumes.unmount()
  }
}

/** What is wrong with a row of fragments before any is read. */
function gapsIn(fragments: readonly FragmentRecord[]): CopyDamage[] {
  let streamOffset = 0
  for (const [index, fragment] of fragments.entries()) {
    if (fragment.number !== index + 1 || fragment.streamOffset !== streamOffset)
      return [
        {
          fragment: fragment.number,
          code: 'image-inconsistent',
          message: `the catalog has fragment ${fragment.number} from byte ${fragment.streamOffset} where ${index + 1} from byte ${streamOffset} should be`,
        },
      ]
    streamOffset += fragment.streamBytes
  }
  return []
}

interface Place {
  readonly medium: MountedMedium
  readonly backupId: string
  readonly copy: number
  readonly fragment: FragmentRecord
}

/** The bytes of a fragment in their order; in the place of what can't be read what is wrong with it. */
async function* piecesOf(
  { medium, backupId, copy, fragment }: Place,
  options: CallOptions | undefined,
): AsyncGenerator<Uint8Array | CopyDamage, void, undefined> {
  let reader: FragmentReader
  try {
    reader = await medium.openFragment({ backupId, copy, fragment }, options)
  } catch (error) {
    yield damageOf(error)
    return
  }
  try {
    const { streamBytes } = fragment
    let end = streamBytes
    for (let at = 0; at < streamBytes;) {
      try {
        for await (const chunk of reader.read({ offset: at, bytes: end - at }, options)) {
          at += chunk.length
          yield chunk
        }
        end = streamBytes
      } catch (error) {
        const damage = damageOf(error)
        const lost = lostBy(error)
        const bad = lost?.offset ?? at
        // What lies before it in the same group was not delivered: it is read by itself.
        if (bad > at) {
          end = bad
          continue
        }
        yield damage
        if (lost === undefined) return
        at = Math.min(bad + lost.bytes, streamBytes)
        end = streamBytes
      }
    }
  } finally {
    await reader.close()
  }
}

/** What part of a fragment's payload can't be read, where it is a part. */
function lostBy(error: unknown): { readonly offset: number; readonly bytes: number } | undefined {
  const { lostOffset, lostBytes } = asNbError(error).details
  if (typeof lostOffset !== 'number' || typeof lostBytes !== 'number' || lostBytes < 1) return undefined
  return { offset: lostOffset, bytes: lostBytes }
}

/** Throws what is no damage. */
function damageOf(error: unknown): CopyDamage {
  const { code, message, details } = asNbError(error)
  if (!damages.has(code)) throw error
  const block = details['block']
  return { code, message, ...(typeof block === 'number' ? { block } : {}) }
}
