import type { Catalog, TreeQuery } from '@nb/contracts'
import type { Claim } from '../claims.ts'
import type { PortRules } from '../port-rules.ts'
import { administers, givenImage, internal, operates, reads, self, stated } from '../rules.ts'

const image = ({ backupId }: { readonly backupId: string }): string => backupId
const readableClient = ({ client = '' }: { readonly client?: string }): readonly Claim[] => [
  { kind: 'readable-client', name: client },
]
const readableImage = ({ backupId }: { readonly backupId: string }): readonly Claim[] => [
  { kind: 'readable-image', backupId },
]
const imagesOf = ({ backupId, backupIds = [] }: TreeQuery): readonly string[] =>
  backupId === undefined ? backupIds : [backupId, ...backupIds]

/** The client and each image that a query names: one does not stand for the other. */
export function readableTree(query: TreeQuery): readonly Claim[] {
  return [
    ...readableClient(query),
    ...imagesOf(query).map((backupId): Claim => ({ kind: 'readable-image', backupId })),
  ]
}

/** A media server reads lists of the clients whose jobs it has: the reference of an incremental, the list of an archive. */
const servedTree = (query: TreeQuery): readonly Claim[] => [
  { kind: 'served-client', name: query.client },
  ...imagesOf(query).map((backupId): Claim => ({ kind: 'served-image', backupId })),
]

/** A list that is read goes to who asks for it, or from a media server to the client that it works for: its ticket is good for nobody else. */
type ReadList = TreeQuery & { readonly peer?: string }
const readBySelf = (query: ReadList): readonly Claim[] => [...readableTree(query), self(query.peer)]
const readForClient = (query: ReadList): readonly Claim[] => [
  ...servedTree(query),
  ...(query.peer === query.client ? [] : [self(query.peer)]),
]

export const catalogRules: PortRules<Catalog> = {
  createImage: internal(({ jobId }) => jobId),
  importImage: internal(({ jobId }) => jobId),
  appendFileList: internal(image, {
    'media-server': ({ backupId, peer }) => [...givenImage({ backupId }), self(peer)],
  }),
  sealFileList: internal(image, { 'media-server': givenImage }),
  syncFileList: internal(image, { 'media-server': givenImage }),
  completeImage: internal(image),
  addCopy: internal(image),
  promoteCopy: operates(image),
  removeCopy: administers(image),
  discardImage: administers(image),
  getImage: reads({
    client: readableImage,
    'media-server': ({ backupId }) => [{ kind: 'served-image', backupId }],
  }),
  listImages: reads({ client: readableClient }),
  browse: reads({ client: readableTree }),
  versions: reads({ client: readableClient }),
  search: reads({ client: readableClient }),
  treeImages: reads({ client: readableTree }),
  readFileList: reads({ client: readBySelf, 'media-server': readForClient }),
  expireImage: administers(image),
  expireDue: administers(() => undefined),
  check: {
    effect: ({ repair }) => (repair === true ? 'changes' : 'reads'),
    may: { administrator: 'any', operator: 'any', viewer: ({ repair }) => [stated(repair !== true)] },
    subject: ({ client }) => client,
  },
  forgetImage: administers(image),
}
