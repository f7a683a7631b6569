import { END_OF_ARCHIVE, encodeMember, memberDataBytes, paddingOf } from '../../src/index.ts'
import type { ArchiveMember, ArchiveSink } from '../../src/index.ts'

/** A member with its data, as it stands in a stream. */
export interface Stored {
  readonly member: ArchiveMember
  /** Logical content; holes as zeros. */
  readonly content: Buffer
}

/** Content that tells its own place. */
export function contentFor(member: ArchiveMember): Buffer {
  const content = Buffer.alloc(member.sizeBytes)
  for (const { offset, length } of member.sparse ?? [{ offset: 0, length: member.sizeBytes }])
    for (let at = offset; at < offset + length; at++) content[at] = 1 + (at % 251)
  return content
}

/** The stream of members, without an end marker, and where each member begins. */
export function streamOf(members: readonly ArchiveMember[]): { stream: Buffer; offsets: number[] } {
  const pieces: Buffer[] = []
  const offsets: number[] = []
  let at = 0
  for (const member of members) {
    offsets.push(at)
    const content = contentFor(member)
    const data = member.sparse
      ? member.sparse.map(({ offset, length }) => content.subarray(offset, offset + length))
      : [content]
    const own = [encodeMember(member), ...data, Buffer.alloc(paddingOf(memberDataBytes(member)))]
    for (const piece of own) at += piece.length
    pieces.push(...own)
  }
  return { stream: Buffer.concat(pieces), offsets }
}

/** A whole tar file. */
export function tarOf(members: readonly ArchiveMember[]): Buffer {
  return Buffer.concat([streamOf(members).stream, END_OF_ARCHIVE])
}

/** A sink that keeps everything. */
export class Collector implements ArchiveSink {
  readonly stored: Stored[] = []
  readonly offsets: number[] = []
  ended = 0
  archivesEnded = 0

  onMember(member: ArchiveMember, streamOffset: number): void {
    this.stored.push({ member, content: Buffer.alloc(member.sizeBytes) })
    this.offsets.push(streamOffset)
  }

  onData(chunk: Buffer, dataOffset: number): void {
    const last = this.stored.at(-1)
    if (last === undefined || chunk.copy(last.content, dataOffset) !== chunk.length)
      throw new Error('data beyond the member')
  }

  onMemberEnd(): void {
    this.ended++
  }

  onEndOfArchive(): void {
    this.archivesEnded++
  }
}
