import type { CallOptions, Json } from './call-options.ts'
import type { FragmentRecord } from './image.ts'
import type { Compression } from './policy.ts'
import type { Allocation } from './resources.ts'

/**
 * Where a media server's sessions put fragments and get them back. A local power of the media server: it holds
 * live objects and never crosses a wire. One store serves one storage unit.
 *
 * Obligations: a fragment exists when `commit` has resolved, durably, and not before; a fragment that was not
 * committed leaves nothing that is ever read. Every block is checked before it is delivered.
 */
export interface MediaStore {
  readonly storageUnit: string
  /**
   * Mounts the allocated medium, to read or write as the allocation says. A volume that several allocations have to read is mounted once, and
   * each lets go of it by itself. With a flow, the job's log is told its step. Rejects with
   * `media-open-failed`.
   */
  mount(
    input: { readonly allocation: Allocation; readonly jobId: string; readonly flow?: 'backup' | 'restore' },
    options?: CallOptions,
  ): Promise<MountedMedium>
  /**
   * The images of which there are fragments here, committed or left over. Of media that have to be mounted to be looked at, tapes, none are
   * told: which images are on them the media manager knows, and {@link MountedMedium.contents}.
   */
  storedImages(options?: CallOptions): AsyncIterable<StoredImage>
  /**
   * Removes all fragments of an image's copy, committed or not; with `after` only those of higher numbers, durably before
   * it resolves. With `unfinished` nothing goes of a copy whose last fragment is there, or of which that can't be told. Absence is no
   * error. From a tape nothing goes: it answers with 0 fragments, and what the catalog doesn't name any more is overwritten with the
   * whole volume when that is labelled anew. A number may be written again then, and of two with the same number the later file counts.
   */
  removeImage(
    input: {
      readonly backupId: string
      readonly copy?: number
      readonly after?: number
      readonly unfinished?: boolean
    },
    options?: CallOptions,
  ): Promise<{ readonly fragments: number; readonly bytes: number }>
  /**
   * Size and free bytes of what it writes to; a store without it has no room of its own that could be told. Rejects with
   * `media-open-failed` where that is not there, a disk that is not mounted.
   */
  space?(options?: CallOptions): Promise<{ readonly totalBytes: number; readonly freeBytes: number }>
}

/** What a store holds of an image. */
export interface StoredImage {
  readonly backupId: string
  readonly copy: number
  readonly fragments: number
  /** Bytes on the medium. */
  readonly bytes: number
}

/** A medium while a session uses it. */
export interface MountedMedium {
  /**
   * Begins a fragment. One at a time. Rejects with `media-open-failed`, `already-exists`; with `media-end` where the medium has no room
   * for another one, which is to go to another medium then.
   */
  createFragment(input: NewFragment, options?: CallOptions): Promise<FragmentWriter>
  /** Opens a committed fragment: its header and trailer are checked. Rejects with `fragment-missing`, `fragment-corrupt`. */
  openFragment(
    input: { readonly backupId: string; readonly copy: number; readonly fragment: FragmentRecord },
    options?: CallOptions,
  ): Promise<FragmentReader>
  /**
   * A committed fragment as it describes itself, where nothing else is known of it; `undefined` where there is none of that
   * number. All but its payload is checked. Rejects with `fragment-corrupt`. Close it. A tape is looked through from its beginning for
   * it, unless `fragment` tells where it is: a record of {@link contents}.
   */
  describeFragment(
    input: {
      readonly backupId: string
      readonly copy: number
      readonly number: number
      readonly fragment?: FragmentRecord
    },
    options?: CallOptions,
  ): Promise<DescribedFragment | undefined>
  /**
   * What is on the medium, as it tells itself, in the order in which it was written: of each fragment header and footer are read, nothing
   * of payload and trailer. Only media that have to be mounted to be looked at have it.
   */
  contents?(options?: CallOptions): AsyncIterable<MediumContent>
  /** Lets go; an open fragment is discarded. Idempotent. */
  unmount(): Promise<void>
}

/** A piece of what is on a medium. */
export type MediumContent =
  | {
      readonly kind: 'fragment'
      readonly backupId: string
      readonly copy: number
      readonly fragment: FragmentRecord
      /** Whether it is the last of its copy. */
      readonly last: boolean
    }
  /** A tape file of which nothing can be told; what comes after it is told nevertheless. */
  | { readonly kind: 'damaged'; readonly filemark: number; readonly reason: string }

/** What a fragment tells of itself and its image. */
export interface DescribedFragment {
  readonly fragment: FragmentRecord
  /** Whether it is the last of its copy. */
  readonly last: boolean
  /** The image record as it was known when the fragment was written. */
  readonly image: Json
  /** The part of the image's file list that came with it, with the list's header before it; nothing where there was none. */
  readFileList(options?: CallOptions): AsyncIterable<Uint8Array>
  /** Lets go of the fragment. Idempotent. */
  close(): Promise<void>
}

/** What a fragment tells about itself. */
export interface NewFragment {
  readonly backupId: string
  readonly copy: number
  readonly number: number
  readonly streamOffset: number
  readonly startsAtMember: boolean
  readonly client: string
  readonly policy: string
  readonly schedule: string
  readonly createdAt: number
  /** Its payload comes in frames that are compressed so. @default it is not compressed */
  readonly compression?: Compression
  /** On tape: the volume with the fragment before it. */
  readonly previousVolume?: string
}

/** A piece of an archive stream that was compressed by itself. */
export interface CompressedFrame {
  /** What decompresses to the piece, in the form of the fragment's compression. */
  readonly stored: Uint8Array
  /** Length of the piece: whole blocks of 512 bytes, at least one, at most 4 MiB. */
  readonly streamBytes: number
  /** Whether a member begins with the piece; where it is not known, no. */
  readonly startsAtMember: boolean
}

/** A fragment being written. */
export interface FragmentWriter {
  /**
   * Adds stream bytes; the buffer may be used again when it resolves. Rejects with `media-write-failed`, `media-full`, `disk-full`;
   * with `media-end` where the medium ended without a warning: then the chunk does not count, and only `commit` and `discard` may follow.
   */
  write(chunk: Uint8Array): Promise<void>
  /**
   * Adds a frame, in a compressed fragment instead of `write`; what it holds is not looked at. The buffer may be used again when
   * it resolves. Rejects as `write` does.
   */
  writeFrame(frame: CompressedFrame): Promise<void>
  /** Stream bytes so far. */
  readonly streamBytes: number
  /** Bytes that they take on the medium; where nothing is compressed, as many. */
  readonly storedBytes: number
  /**
   * Whether the medium nears its end: the fragment is to be committed now, at a member's start or not, and the next one goes to another
   * medium. It may come true with any write; there is room for one more (of 4 MiB) and for the trailer. @default false
   */
  readonly mustEnd?: boolean
  /**
   * After `commit`: what had been accepted and is not in the fragment, because the medium ended too soon, or because a fragment that ends
   * inside a member ends with a whole block of a tape. The record is shorter by that much, and the fragment is not its copy's last, whatever
   * `commit` was told; its list is the one that was given. The next fragment begins with it. @default nothing
   */
  readonly left?: readonly (Uint8Array | CompressedFrame)[]
  /** Writes the trailer and makes the fragment exist, durably. Rejects with `media-write-failed`, `media-end`: then it is discarded. */
  commit(input: FragmentTrailer): Promise<FragmentRecord>
  /** Throws it away. Idempotent; after `commit` it does nothing. */
  discard(): Promise<void>
}

/** What goes into a fragment beside its data, so that the medium alone is enough to rebuild the catalog. */
export interface FragmentTrailer {
  /** The image record so far. */
  readonly image: Json
  /** The file-list bytes that arrived with this fragment's data. */
  readonly fileList: readonly Uint8Array[]
  readonly endsAtMember: boolean
  /** Whether it is the image's last. */
  readonly last: boolean
}

/** A committed fragment. */
export interface FragmentReader {
  /**
   * The stream bytes from `offset` (of the fragment's payload) on, `bytes` of them, in chunks that are valid until the next.
   * Rejects with `fragment-corrupt` (naming the block) before any byte of a damaged block is delivered; its details `lostOffset`
   * and `lostBytes` tell what part of the payload can't be read because of it. Of a compressed fragment only the frames that hold
   * the range are read; one that does not decompress is `fragment-corrupt`, and `not-supported` where that can't be done here.
   */
  read(
    input: { readonly offset: number; readonly bytes: number },
    options?: CallOptions,
  ): AsyncIterable<Uint8Array>
  /**
   * The frames of a compressed fragment as they are stored, in order, each valid until the next. Rejects with `fragment-corrupt`;
   * that they decompress is not looked at.
   */
  frames(options?: CallOptions): AsyncIterable<CompressedFrame>
  /**
   * Reads whole blocks straight into memory of the caller: a copy of all bytes is spared. @default there is no such way; {@link FragmentReader.read}
   * is there always
   */
  readonly inPlace?: InPlaceReader
  /** Lets go of the fragment. Idempotent. */
  close(): Promise<void>
}

/** Reads blocks of a fragment into memory of the caller. */
export interface InPlaceReader {
  /** Bytes of a block; the last one of the payload may be shorter. */
  readonly blockBytes: number
  /**
   * Fills `into` with the payload from `offset` on, where a block begins; `into` ends where one ends. Rejects as {@link FragmentReader.read}
   * does; what is in `into` then is not to be used.
   */
  read(input: { readonly offset: number; readonly into: Uint8Array }, options?: CallOptions): Promise<void>
}
