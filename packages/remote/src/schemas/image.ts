import type {
  CatalogFinding,
  FileEntry,
  FileKind,
  FileListTotals,
  FileSearch,
  FragmentRecord,
  ImageCompletion,
  ImageCopy,
  ImageCounts,
  ImageFilter,
  ImageRecord,
  ImageState,
  NewImage,
  TreeQuery,
} from '@nb/contracts'
import { z } from 'zod'
import { compression, digestAlgorithm, scheduleType } from './policy.ts'
import {
  closed,
  count,
  flag,
  integer,
  list,
  maybe,
  nanoseconds,
  oneOf,
  path,
  type Schema,
  type Shape,
  text,
  time,
} from './schema.ts'

export const imageCounts: Schema<ImageCounts> = closed<ImageCounts>({
  entries: count,
  storedEntries: count,
  bytes: count,
  streamBytes: count,
  warnings: count,
})

export const fileListTotals: Schema<FileListTotals> = closed<FileListTotals>({
  bytes: count,
  batches: count,
  entries: count,
})

export const fragmentRecord: Schema<FragmentRecord> = closed<FragmentRecord>({
  number: count,
  streamOffset: count,
  streamBytes: count,
  wholeMembers: flag,
  blockBytes: count,
  storedBytes: maybe(count),
  volumeId: maybe(text),
  filemark: maybe(count),
  headerBlock: maybe(count),
  footerBlock: maybe(count),
  stream: maybe(count),
})

export const imageCopy: Schema<ImageCopy> = closed<ImageCopy>({
  copy: count,
  storageUnit: text,
  mediaServer: text,
  fragments: list(fragmentRecord),
  expiresAt: maybe(time),
})

export const imageState: Schema<ImageState> = oneOf<ImageState>({
  'in-progress': true,
  complete: true,
  expired: true,
  discarded: true,
})

export const imageRecord: Schema<ImageRecord> = closed<ImageRecord>({
  version: z.literal(1),
  backupId: text,
  state: imageState,
  jobId: text,
  client: text,
  policy: text,
  schedule: text,
  scheduleType,
  stream: maybe(text),
  streamSet: maybe(list(text)),
  backupTime: time,
  selections: list(path),
  retentionLevel: integer,
  expiresAt: maybe(time),
  compression: maybe(compression),
  digest: maybe(digestAlgorithm),
  referenceId: maybe(text),
  neededImages: list(text),
  completedAt: maybe(time),
  status: maybe(integer),
  counts: maybe(imageCounts),
  copies: list(imageCopy),
  imported: maybe(flag),
  damaged: maybe(text),
})

export const newImage: Schema<NewImage> = closed<NewImage>({
  jobId: text,
  client: text,
  policy: text,
  schedule: text,
  scheduleType,
  stream: maybe(text),
  streamSet: maybe(list(text)),
  selections: list(path),
  retentionLevel: integer,
  expiresAt: maybe(time),
  compression: maybe(compression),
  digest: maybe(digestAlgorithm),
  referenceId: maybe(text),
})

export const imageCompletion: Schema<ImageCompletion> = closed<ImageCompletion>({
  status: z.literal([0, 1]),
  counts: imageCounts,
  fileList: fileListTotals,
  copies: list(imageCopy),
})

export const imageFilter: Schema<ImageFilter> = closed<ImageFilter>({
  backupId: maybe(text),
  client: maybe(text),
  policy: maybe(text),
  schedule: maybe(text),
  scheduleTypes: maybe(list(scheduleType)),
  stream: maybe(text),
  states: maybe(list(imageState)),
  from: maybe(time),
  to: maybe(time),
  limit: maybe(count),
})

export const treeQueryShape: Shape<TreeQuery> = {
  client: text,
  backupId: maybe(text),
  backupIds: maybe(list(text)),
  at: maybe(time),
  policy: maybe(text),
}

export const fileSearch: Schema<FileSearch> = closed<FileSearch>({
  client: text,
  glob: maybe(text),
  regex: maybe(text),
  ignoreCase: maybe(flag),
  below: maybe(path),
  policy: maybe(text),
  allImages: maybe(flag),
  from: maybe(time),
  to: maybe(time),
  limit: maybe(count),
})

export const fileEntry: Schema<FileEntry> = closed<FileEntry>({
  path,
  kind: oneOf<FileKind>({
    file: true,
    directory: true,
    symlink: true,
    hardlink: true,
    fifo: true,
    'character-device': true,
    'block-device': true,
  }),
  mode: count,
  uid: count,
  gid: count,
  sizeBytes: count,
  mtimeNs: nanoseconds,
  ctimeNs: nanoseconds,
  linkTarget: maybe(path),
  deviceMajor: maybe(count),
  deviceMinor: maybe(count),
  linkCount: count,
  digest: maybe(text),
  backupId: text,
  dataImage: text,
  changedWhileRead: maybe(flag),
  unreadable: maybe(flag),
})

export const catalogFinding: Schema<CatalogFinding> = closed<CatalogFinding>({
  backupId: maybe(text),
  path: text,
  part: oneOf<CatalogFinding['part']>({
    header: true,
    index: true,
    'file-list': true,
    'sparse-index': true,
    'needed-images': true,
    sequence: true,
    foreign: true,
  }),
  problem: text,
  consequence: text,
  repair: oneOf<CatalogFinding['repair']>({ done: true, possible: true, none: true }),
})
