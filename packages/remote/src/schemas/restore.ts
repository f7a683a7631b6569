import type { RestorePreview, RestoreRequest, RestoreTarget, TreeQuery } from '@nb/contracts'
import { z } from 'zod'
import { treeQueryShape } from './image.ts'
import { closed, count, list, maybe, oneOf, path, type Schema, text, variants } from './schema.ts'

type DirectoryTarget = Extract<RestoreTarget, { kind: 'directory' }>

const restoreTarget: Schema<RestoreTarget> = variants<RestoreTarget, 'kind'>('kind', {
  original: closed<Extract<RestoreTarget, { kind: 'original' }>>({ kind: z.literal('original') }),
  directory: closed<DirectoryTarget>({
    kind: z.literal('directory'),
    directory: path,
    strip: maybe(path),
    rename: maybe(list(closed<NonNullable<DirectoryTarget['rename']>[number]>({ from: path, to: path }))),
  }),
})

export const restoreRequest: Schema<RestoreRequest> = closed<RestoreRequest>({
  requestId: text,
  from: closed<TreeQuery>(treeQueryShape),
  paths: list(path),
  destinationClient: maybe(text),
  target: restoreTarget,
  ifExists: maybe(
    oneOf<NonNullable<RestoreRequest['ifExists']>>({ overwrite: true, skip: true, fail: true }),
  ),
  requestedBy: maybe(text),
})

export const restorePreview: Schema<RestorePreview> = closed<RestorePreview>({
  backupId: text,
  entries: count,
  bytes: count,
  images: list(
    closed<RestorePreview['images'][number]>({
      backupId: text,
      storageUnit: text,
      entries: count,
      bytes: count,
    }),
  ),
})
