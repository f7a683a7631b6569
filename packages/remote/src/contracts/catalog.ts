import type { Catalog } from '@nb/contracts'
import {
  catalogFinding,
  fileEntry,
  fileListTotals,
  fileSearch,
  imageCompletion,
  imageCopy,
  imageFilter,
  imageRecord,
  newImage,
  treeQueryShape,
} from '../schemas/image.ts'
import { closed, count, empty, flag, json, list, maybe, nothing, path, text } from '../schemas/schema.ts'
import { channelTicket } from '../schemas/session.ts'
import { call, type InputOf, type OutputOf, type PortContract, stream } from './port-contract.ts'

type DueCopy = NonNullable<Out<'expireDue'>['copies']>[number]
type In<Name extends keyof Catalog> = InputOf<Catalog, Name>
type Out<Name extends keyof Catalog> = OutputOf<Catalog, Name>

const byId = closed<{ readonly backupId: string }>({ backupId: text })

export const catalogContract: PortContract<Catalog> = {
  createImage: call(newImage, imageRecord),
  importImage: call(
    closed<In<'importImage'>>({ image: json, jobId: text, replaceDamaged: maybe(flag) }),
    imageRecord,
  ),
  appendFileList: call(
    closed<In<'appendFileList'>>({ backupId: text, after: maybe(fileListTotals), peer: maybe(text) }),
    closed<Out<'appendFileList'>>({ ticket: channelTicket }),
  ),
  sealFileList: call(closed<In<'sealFileList'>>({ backupId: text, totals: fileListTotals }), nothing),
  syncFileList: call(closed<In<'syncFileList'>>({ backupId: text, totals: fileListTotals }), nothing),
  completeImage: call(
    closed<In<'completeImage'>>({ backupId: text, completion: imageCompletion }),
    imageRecord,
  ),
  addCopy: call(closed<In<'addCopy'>>({ backupId: text, copy: imageCopy }), imageRecord),
  removeCopy: call(closed<In<'removeCopy'>>({ backupId: text, copy: count }), imageRecord),
  promoteCopy: call(closed<In<'promoteCopy'>>({ backupId: text, copy: count }), imageRecord),
  discardImage: call(closed<In<'discardImage'>>({ backupId: text, reason: text }), nothing),
  getImage: call(byId, maybe(imageRecord)),
  listImages: stream(imageFilter, imageRecord),
  browse: stream(closed<In<'browse'>>({ ...treeQueryShape, path, recursive: maybe(flag) }), fileEntry),
  versions: stream(closed<In<'versions'>>({ client: text, path, policy: maybe(text) }), fileEntry),
  search: stream(fileSearch, fileEntry),
  treeImages: stream(closed<In<'treeImages'>>({ ...treeQueryShape, paths: maybe(list(path)) }), imageRecord),
  readFileList: call(
    closed<In<'readFileList'>>({ ...treeQueryShape, paths: maybe(list(path)), peer: maybe(text) }),
    closed<Out<'readFileList'>>({ image: imageRecord, ticket: channelTicket }),
  ),
  expireImage: call(closed<In<'expireImage'>>({ backupId: text, force: maybe(flag) }), nothing),
  expireDue: call(
    empty,
    closed<Out<'expireDue'>>({
      expired: list(text),
      held: list(text),
      copies: maybe(list(closed<DueCopy>({ backupId: text, copy: imageCopy }))),
    }),
  ),
  check: stream(closed<In<'check'>>({ client: maybe(text), repair: maybe(flag) }), catalogFinding),
  forgetImage: call(byId, nothing),
}
