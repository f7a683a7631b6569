import type { CallOptions, Json } from './call-options.ts'
import type { ChannelTicket } from './data-channel.ts'
import type { ErrorCode } from './errors.ts'
import type { FileEntry, FileListTotals, ImageCopy, ImageCounts, ImageRecord, ImageState } from './image.ts'
import type { Path } from './path.ts'
import type { Compression, DigestAlgorithm, ScheduleType } from './policy.ts'

/** What is known of an image when its backup begins. */
export interface NewImage {
  readonly jobId: string
  readonly client: string
  readonly policy: string
  readonly schedule: string
  readonly scheduleType: ScheduleType
  readonly stream?: string
  readonly streamSet?: readonly string[]
  readonly selections: readonly Path[]
  readonly retentionLevel: number
  readonly expiresAt?: number
  readonly referenceId?: string
  readonly compression?: Compression
  readonly digest?: DigestAlgorithm
}

/** What a finished backup adds to its image. */
export interface ImageCompletion {
  readonly status: 0 | 1
  readonly counts: ImageCounts
  readonly fileList: FileListTotals
  readonly copies: readonly ImageCopy[]
}

/** Which images. All given conditions must hold. */
export interface ImageFilter {
  readonly backupId?: string
  readonly client?: string
  readonly policy?: string
  readonly schedule?: string
  readonly scheduleTypes?: readonly ScheduleType[]
  readonly stream?: string
  readonly states?: readonly ImageState[]
  /** Backup time at or after, milliseconds since the epoch. */
  readonly from?: number
  /** Backup time at or before, milliseconds since the epoch. */
  readonly to?: number
  /** @default no limit */
  readonly limit?: number
}

/**
 * Which tree: one image's by its id, or the client's at a time. That is the newest complete image of each policy (with the
 * newest of each other stream that the policy had then) and of each selection that users backed up, as one tree: a path belongs
 * to the newest of these that has a selection at or above it. Of the streams of one policy it is the one with the nearest
 * selection, the newest where several are as near. What the image it belongs to says of the path is said, what the
 * others say is not.
 */
export interface TreeQuery {
  readonly client: string
  readonly backupId?: string
  /** The tree of exactly these images together, such as {@link Catalog.treeImages} gave. Not with `backupId`. */
  readonly backupIds?: readonly string[]
  /** As it was then, milliseconds since the epoch. @default now */
  readonly at?: number
  /** Only what was backed up by this policy. @default all policies */
  readonly policy?: string
}

/** Which entries of a client. */
export interface FileSearch {
  readonly client: string
  /**
   * Only entries whose path matches. `*` is any number of characters but `/`, `**` of any characters, `**` and `/` whole directories or none, `?` one
   * character but `/`, `[a-z]` one of a set, `[!a-z]` one of no set, and a backslash makes the next character plain. Without `/` it is compared
   * with names, with `/` at its beginning with whole paths, with one elsewhere with the ends of paths from any directory on.
   * A byte that is not UTF-8 is one character; `\xHH` with HH from 80 on is that byte.
   */
  readonly glob?: string
  /**
   * Instead of `glob`: only entries in whose whole path this is found, `^` and `$` being its ends. The syntax of JavaScript with Unicode, without
   * look-around, back references, `\b` and `\p`: such a one is refused, so that each path takes time in proportion to its length. A
   * byte that is not UTF-8 is one character; `\xHH` with HH from 80 on is that byte. At most 1,000 characters, as `glob`.
   */
  readonly regex?: string
  /** Letters match in both cases. @default false */
  readonly ignoreCase?: boolean
  /** Only at this path and below. @default `/` */
  readonly below?: Path
  readonly policy?: string
  /** In all complete images instead of the tree of {@link TreeQuery}. @default false */
  readonly allImages?: boolean
  /** With `allImages`: backup time at or after, milliseconds since the epoch. */
  readonly from?: number
  /** Backup time at or before; without `allImages` the tree as it was then. @default now */
  readonly to?: number
  /** At most so many entries, 1–1000000. @default 10000 */
  readonly limit?: number
}

/** Something that {@link Catalog.check} found. */
export interface CatalogFinding {
  /** The image that has it; absent for what belongs to none. */
  readonly backupId?: string
  /** The file on the server. */
  readonly path: string
  /** What part of the catalog it is. `sequence` is the last id of a client, `foreign` what is not the catalog's. */
  readonly part: 'header' | 'index' | 'file-list' | 'sparse-index' | 'needed-images' | 'sequence' | 'foreign'
  /** What is wrong, in a sentence. */
  readonly problem: string
  /** What follows from it, in a sentence. */
  readonly consequence: string
  /** `done`: it was made again from its second source; `possible`: it can be, with `repair`; `none`: the catalog has no second source. */
  readonly repair: 'done' | 'possible' | 'none'
}

/**
 * The image database: a header and a files file per image.
 *
 * Obligations: only `complete` images are browsed, listed by default, or restored from; an image becomes
 * complete in one durable step; a crash leaves every other image as it was. Files-file bytes arrive in the form in
 * which they are stored (`nb-files`), over a channel.
 *
 * A complete image whose list turns out damaged while it is read is remembered as such: its record has `damaged`,
 * durably where the disk takes it, before the reader is told. It stays listed, and what is whole of its list is still
 * answered from. When the list is read whole and found sound again, because it was brought back from a copy, the
 * record loses `damaged`.
 */
export interface Catalog {
  /** Backup step 6: makes header and files file of a new image, `in-progress`, durably. Gives it its id. */
  createImage(input: NewImage, options?: CallOptions): Promise<ImageRecord>
  /**
   * Makes header and files file of an image that its own fragments tell of, `in-progress`, as it was made by the backup: what follows is
   * the same as for a new image. Its job is the one that imports it. The images it needs are imported before it is completed. Rejects with
   * `already-exists` for an image that is here in any state, `argument-invalid` for a record that is none.
   *
   * With `replaceDamaged` an image that is here and whose header can't be read, or whose list is missing or damaged, is no obstacle: it is
   * made again, `in-progress` meanwhile. What was known of it, its copies too, stays where its header can be read; the medium's record has
   * to be of the same backup then (`image-inconsistent`). When it is discarded, or nothing follows, the damaged one is there again.
   */
  importImage(
    input: { readonly image: Json; readonly jobId: string; readonly replaceDamaged?: boolean },
    options?: CallOptions,
  ): Promise<ImageRecord>
  /**
   * A channel on which the image's files file is appended, batch by batch (step 11). One at a time: a list that broke
   * on its way begins anew with the next call, one that arrived whole is not replaced. With `after` it goes on there
   * instead: a channel that is still open is broken, the rest of an earlier list is cut off. What comes then begins with
   * the list's header, the same as before, which is not counted again; or nothing comes. `peer` is the host that opens the channel; another
   * that has come by the ticket opens nothing, and without `peer` whoever has it does. Rejects with `image-unknown`, `state-conflict`,
   * `file-list-corrupt` when what is here does not begin with a list of these totals.
   */
  appendFileList(
    input: { readonly backupId: string; readonly after?: FileListTotals; readonly peer?: string },
    options?: CallOptions,
  ): Promise<{ readonly ticket: ChannelTicket }>
  /**
   * Resolves when everything appended is durable and the totals agree (before step 13 reports).
   * Rejects with `file-list-corrupt`.
   */
  sealFileList(
    input: { readonly backupId: string; readonly totals: FileListTotals },
    options?: CallOptions,
  ): Promise<void>
  /**
   * Waits until a list of these totals has arrived and makes it durable, while more is to follow: a checkpoint. Idempotent.
   * Rejects with `file-list-corrupt` when the list ends or breaks before, or has other totals there.
   */
  syncFileList(
    input: { readonly backupId: string; readonly totals: FileListTotals },
    options?: CallOptions,
  ): Promise<void>
  /**
   * Step 15: verifies list, counts, positions and fragments against one another, then makes the image browsable in
   * one durable step. Idempotent. Rejects with `image-inconsistent`, `file-list-corrupt`: the image stays in progress.
   */
  completeImage(
    input: { readonly backupId: string; readonly completion: ImageCompletion },
    options?: CallOptions,
  ): Promise<ImageRecord>
  /**
   * Adds a copy to a complete image, durably: its fragments must hold the same stream. Idempotent for the same copy. Rejects with
   * `already-exists` where another has its number, `image-inconsistent`, `state-conflict`.
   */
  addCopy(
    input: { readonly backupId: string; readonly copy: ImageCopy },
    options?: CallOptions,
  ): Promise<ImageRecord>
  /** Makes a copy the primary one, which is read: it comes first. Idempotent. Rejects with `not-found`, `state-conflict`. */
  promoteCopy(
    input: { readonly backupId: string; readonly copy: number },
    options?: CallOptions,
  ): Promise<ImageRecord>
  /**
   * Takes a copy off a complete image, durably, once its fragments are gone. Idempotent. Rejects with `state-conflict` for the last
   * one.
   */
  removeCopy(
    input: { readonly backupId: string; readonly copy: number },
    options?: CallOptions,
  ): Promise<ImageRecord>
  /**
   * Gives an `in-progress` image up: it becomes `discarded`, and one that an import brought is as if it never was, its fragments
   * stay. Idempotent; rejects with `state-conflict` for a complete one.
   */
  discardImage(
    input: { readonly backupId: string; readonly reason: string },
    options?: CallOptions,
  ): Promise<void>
  /** The record, in any state, or `undefined`. */
  getImage(input: { readonly backupId: string }, options?: CallOptions): Promise<ImageRecord | undefined>
  /** Images, newest first. Complete ones, unless `states` says otherwise. */
  listImages(input: ImageFilter, options?: CallOptions): AsyncIterable<ImageRecord>
  /**
   * The entries directly under a directory (`recursive`: all below), or the entry of a file, sorted by path. Under a
   * directory that is itself not in the list, such as one above the selections, the uppermost entries below it. Where the
   * query leaves open which policy's image, each path comes from the newest backup that has a selection at or above it, users'
   * own included; a path that is in none of these, from the newest tree that has it.
   * Rejects with `no-image-matches`, `path-not-backed-up`, `file-list-corrupt`.
   */
  browse(
    input: TreeQuery & { readonly path: Path; readonly recursive?: boolean },
    options?: CallOptions,
  ): AsyncIterable<FileEntry>
  /**
   * The states of one path over the client's images, newest first; a state seen in several images comes once, with the
   * newest. Rejects with `file-list-corrupt`.
   */
  versions(
    input: { readonly client: string; readonly path: Path; readonly policy?: string },
    options?: CallOptions,
  ): AsyncIterable<FileEntry>
  /**
   * The entries that match, as they are found. In the tree: sorted by path. In all images: image by image, the newest first, in each sorted by
   * path; a state of a path that several images hold comes once, with the newest. Rejects with `argument-invalid` for what is no pattern,
   * `no-image-matches` and `path-not-backed-up` without `allImages`, `file-list-corrupt`.
   */
  search(input: FileSearch, options?: CallOptions): AsyncIterable<FileEntry>
  /**
   * The images whose lists together are the tree of a query: one, or one per stream and policy, sorted by stream. With `paths` only
   * those to which one of them, or what is below it, belongs. Rejects with `no-image-matches`, `path-not-backed-up`.
   */
  treeImages(
    input: TreeQuery & { readonly paths?: readonly Path[] },
    options?: CallOptions,
  ): AsyncIterable<ImageRecord>
  /**
   * A channel that gives an image's list as an `nb-files` stream: whole, or of the paths and what is below them. Of a
   * tree of several images it is one list that names them all, the newest first, and that one is `image`. For restores and as the reference of an incremental.
   * `peer` is the host that opens the channel, as for `appendFileList`. Rejects with `image-unknown`, `no-image-matches`,
   * `path-not-backed-up`, `file-list-corrupt`. Damage that shows later aborts the channel, with a reason that names the
   * image.
   */
  readFileList(
    input: TreeQuery & { readonly paths?: readonly Path[]; readonly peer?: string },
    options?: CallOptions,
  ): Promise<{ readonly image: ImageRecord; readonly ticket: ChannelTicket }>
  /**
   * Ends an image's life: it becomes `expired`. Rejects with `image-needed` (naming them) while complete images need its
   * data, or one in progress has it for its reference, unless `force`; those images then no longer restore whole.
   */
  expireImage(
    input: { readonly backupId: string; readonly force?: boolean },
    options?: CallOptions,
  ): Promise<void>
  /**
   * Expires all images whose time has come and that no kept image needs. Gives their ids, and the copies whose own time has come while
   * others of their images stay: these are the last in their records from then on, so that nothing is read from them, and wait for
   * the removal of their fragments (`removeCopy`).
   */
  expireDue(
    input: Record<string, never>,
    options?: CallOptions,
  ): Promise<{
    readonly expired: readonly string[]
    readonly held: readonly string[]
    /** Absent where there are none. */
    readonly copies?: readonly { readonly backupId: string; readonly copy: ImageCopy }[]
  }>
  /**
   * Verifies the catalog itself: every header, the index over them, the list of every complete image with all its checksums, its sparse index,
   * and that the images which it needs are there. Gives what is wrong, as it is found; nothing for a sound catalog. With `repair` what
   * has a second source is made from it again: the index from headers, a header from the index, a sparse index from its list, and a mark of
   * damage goes where the list is sound. Backups and restores go on meanwhile. A list that is found damaged is remembered as such.
   */
  check(
    input: { readonly client?: string; readonly repair?: boolean },
    options?: CallOptions,
  ): AsyncIterable<CatalogFinding>
  /** Removes what is left of an `expired` or `discarded` image, once its fragments are gone. Idempotent. */
  forgetImage(input: { readonly backupId: string }, options?: CallOptions): Promise<void>
}

/** Events of a catalog. */
export interface CatalogEvents {
  /** When an image's header and files file have been made. */
  'image:created': { readonly backupId: string; readonly jobId: string }
  /** When an image has become browsable. */
  'image:completed': { readonly backupId: string; readonly jobId: string }
  /** When an image has been given up. */
  'image:discarded': { readonly backupId: string; readonly jobId: string; readonly reason: string }
  /** When an image has expired. */
  'image:expired': { readonly backupId: string }
  /**
   * When a part of an image is found that can't be read. Its header: the image is listed nowhere, and nothing of it is
   * touched. Its file list (`file-list-corrupt`): its record has `damaged` from now on.
   */
  'image:damaged': { readonly backupId: string; readonly code: ErrorCode; readonly message: string }
}
