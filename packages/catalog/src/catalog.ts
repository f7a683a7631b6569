import { resolve } from 'node:path'
import {
  type Catalog,
  type CatalogEvents,
  type Clock,
  createEmitter,
  type DataChannels,
  debugLogger,
  type Files,
  type JobLog,
  type Lifecycle,
  type Logger,
  NbError,
  type Observable,
  SerialQueue,
  type Store,
} from '@nb/contracts'
import { CatalogCheck } from './catalog-check.ts'
import { HeaderStore } from './header-store.ts'
import { ImageCopies } from './image-copies.ts'
import { ImageExpiry } from './image-expiry.ts'
import { ImageIndex } from './image-index.ts'
import { ImageImport } from './image-import.ts'
import { ImageLife } from './image-life.ts'
import { ImageQueries } from './image-queries.ts'
import { ImageRegistry } from './image-registry.ts'
import { ListArrivals } from './list-arrivals.ts'
import { ListDamage } from './list-damage.ts'
import { JobLines } from './job-lines.ts'
import { ListOutflows } from './list-outflow.ts'
import { answering, items } from './port-errors.ts'
import { TreeLibrary } from './tree-library.ts'

/** What a catalog works with. */
export interface CatalogComponents {
  /** Holds the index, which can be made again at any time; the catalog must have it alone. */
  readonly store: Store
  /** Where headers and file lists are kept. */
  readonly files: Files
  /** Over which file lists come and go. */
  readonly channels: DataChannels
  readonly clock: Clock
  /** Where the catalog leaves its trace of backup steps 6, 11 and 15. @default no trace */
  readonly log?: JobLog
  /** @default debugLogger('nb:catalog') */
  readonly logger?: Logger
}

/** How a catalog is to work. */
export interface CatalogOptions {
  /** Folder of the images; made when missing. One catalog, and nothing else, writes below it. */
  readonly directory: string
  /** How long a ticket for a file list stays good, milliseconds, 1–86400000. @default 60000 */
  readonly ticketTimeoutMs?: number
  /** File lists that are kept open for the next lookup, 1–100000. @default 512 */
  readonly openLists?: number
  /** Memory for the sparse indexes of open lists, bytes, 0–2^40. @default 67108864 */
  readonly indexBytes?: number
}

/** A catalog, to be started before it is used. */
export type LocalCatalog = Catalog & Required<Lifecycle> & Observable<CatalogEvents>

/**
 * Makes the image database over a folder and a store. `start` brings the index to what the folder says: images
 * that can't be read are told of by `image:damaged`, and the rest works. After `stop` it may be started again.
 *
 * Errors of single calls are those of the port `Catalog`; before `start` and after `stop` calls reject with `state-conflict`.
 *
 * @param components - what it works with
 * @param options - folder and times
 */
export function createCatalog(components: CatalogComponents, options: CatalogOptions): LocalCatalog {
  const { store, files, channels, clock, log, logger = debugLogger('nb:catalog') } = components
  const { directory, ticketTimeoutMs = 60_000, openLists = 512, indexBytes = 64 * 1024 ** 2 } = options
  if (directory === '') throw new TypeError('directory must be a path')
  if (!Number.isSafeInteger(ticketTimeoutMs) || ticketTimeoutMs < 1 || ticketTimeoutMs > 86_400_000)
    throw new TypeError('ticketTimeoutMs must be a whole number from 1 to 86400000')
  if (!Number.isSafeInteger(openLists) || openLists < 1 || openLists > 100_000)
    throw new TypeError('openLists must be a whole number from 1 to 100000')
  if (!Number.isSafeInteger(indexBytes) || indexBytes < 0 || indexBytes > 2 ** 40)
    throw new TypeError(`indexBytes must be a whole number from 0 to ${2 ** 40}`)

  const events = createEmitter<CatalogEvents>(logger)
  const headers = new HeaderStore(files, resolve(directory))
  const index = new ImageIndex(store)
  const registry = new ImageRegistry({ headers, index, events, logger })
  const trees = new TreeLibrary({ files, headers, clock, logger }, { openLists, indexBytes })
  const changes = new SerialQueue()
  const damage = new ListDamage({ registry, changes, events, logger })
  const outflows = new ListOutflows({ damage, channels, clock, logger, ticketTimeoutMs })
  const lines = new JobLines({ log, clock, logger })
  const arrivals = new ListArrivals({ registry, headers, files, channels, lines, logger, ticketTimeoutMs })
  const imports = new ImageImport({ registry, headers, trees, files, lines, events, changes, logger })
  const lifeParts = { registry, headers, trees, files, arrivals, imports, clock, lines, events, changes }
  const life = new ImageLife(lifeParts)
  const copies = new ImageCopies({ registry, changes })
  const expiry = new ImageExpiry({ registry, index, trees, clock, events, changes })
  const queries = new ImageQueries({ registry, index, trees, damage, outflows, clock })

  const check = new CatalogCheck({ files, headers, index, registry, trees, damage, changes })

  let running: Promise<void> | undefined
  let open = false
  const whileOpen = <Part>(part: Part): Part => {
    if (open) return part
    throw new NbError('state-conflict', 'the catalog is not open; start it first')
  }
  return {
    on: (name, listener) => events.on(name, listener),
    once: (name, listener) => events.once(name, listener),
    off: (name, listener) => events.off(name, listener),
    start: () =>
      (running ??= answering(() => registry.open()).then(
        () => void (open = true),
        (error: unknown) => {
          running = undefined
          throw error
        },
      )),
    stop: async () => {
      await running?.catch(() => undefined)
      open = false
      running = undefined
      await Promise.all([life.stop(), outflows.stop()])
      await trees.close()
    },
    createImage: (input, call) => answering(() => whileOpen(life).createImage(input, call)),
    importImage: (input, call) => answering(() => whileOpen(imports).importImage(input, call)),
    appendFileList: (input, call) => answering(() => whileOpen(arrivals).appendFileList(input, call)),
    sealFileList: (input, call) => answering(() => whileOpen(arrivals).sealFileList(input, call)),
    syncFileList: (input, call) => answering(() => whileOpen(arrivals).syncFileList(input, call)),
    completeImage: (input, call) => answering(() => whileOpen(life).completeImage(input, call)),
    addCopy: (input) => answering(() => whileOpen(copies).addCopy(input)),
    removeCopy: (input) => answering(() => whileOpen(copies).removeCopy(input)),
    promoteCopy: (input) => answering(() => whileOpen(copies).promoteCopy(input)),
    discardImage: (input) => answering(() => whileOpen(life).discardImage(input)),
    getImage: (input, call) => answering(() => whileOpen(queries).getImage(input, call)),
    listImages: (input, call) => items(() => whileOpen(queries).listImages(input, call)),
    browse: (input, call) => items(() => whileOpen(queries).browse(input, call)),
    versions: (input, call) => items(() => whileOpen(queries).versions(input, call)),
    search: (input, call) => items(() => whileOpen(queries).search(input, call)),
    treeImages: (input, call) => items(() => whileOpen(queries).treeImages(input, call)),
    readFileList: (input, call) => answering(() => whileOpen(queries).readFileList(input, call)),
    expireImage: (input) => answering(() => whileOpen(expiry).expireImage(input)),
    expireDue: (input, call) => answering(() => whileOpen(expiry).expireDue(input, call)),
    check: (input, call) => items(() => whileOpen(check).check(input, call)),
    forgetImage: (input) => answering(() => whileOpen(life).forgetImage(input)),
  }
}
