import {
  encodeMember,
  encodeMemberInto,
  maxMemberHeaderBytes,
  paddingOf,
  type ArchiveMember,
} from '@nb/formats'
import type { ReadCalls } from './read-calls.ts'
import type { StreamWriter } from './stream-writer.ts'

/** Writes the header of a member, straight into the block where it fits. */
export function writeMemberHeader(out: StreamWriter, member: ArchiveMember): void {
  const space = out.space()
  if (maxMemberHeaderBytes(member) <= space.length) out.advance(encodeMemberInto(member, space, 0))
  else out.write(encodeMember(member))
}

/** What became of the reading of a file's data. */
export interface CopyOutcome {
  /** Bytes the file no longer had, or that could not be read: zeros stand for them. */
  readonly missingBytes: number
  readonly error?: unknown
}

/**
 * Reads a file's data regions straight into the stream and pads them to a whole tar block. Always writes exactly as
 * many bytes as the header has announced.
 */
export function copyFileData(
  out: StreamWriter,
  calls: ReadCalls,
  fd: number,
  regions: readonly { readonly offset: number; readonly length: number }[],
  onBytes: (byteLength: number) => void,
): CopyOutcome {
  let missingBytes = 0
  let total = 0
  let failure: { readonly error: unknown } | undefined
  for (const { offset, length } of regions) {
    let done = 0
    try {
      while (failure === undefined && done < length) {
        const space = out.space()
        const wanted = length - done
        const count = calls.readAt(
          fd,
          wanted < space.length ? space.subarray(0, wanted) : space,
          offset + done,
        )
        if (count === 0) break
        out.advance(count)
        onBytes(count)
        done += count
      }
    } catch (error) {
      failure = { error }
    }
    out.zeros(length - done)
    missingBytes += length - done
    total += length
  }
  out.zeros(paddingOf(total))
  return failure === undefined ? { missingBytes } : { missingBytes, error: failure.error }
}
