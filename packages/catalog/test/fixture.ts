import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type DataChannels,
  type Files,
  type JobLogLine,
  replaceFile,
  type Store,
  systemFiles,
} from '@nb/contracts'
import { createChannelTwins, createLocalChannels } from '@nb/remote'
import { systemClock } from '@nb/contracts'
import { createVirtualClock, type VirtualClock } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import { decodeFileListHeader, encodeFileListIndex, FileListRuns, groupBatches } from '@nb/formats'
import { FileTree } from '../src/file-tree.ts'
import { createCatalog, type LocalCatalog } from '../src/index.ts'
import { readListFacts } from '../src/list-facts.ts'
import { ReadPace } from '../src/read-pace.ts'

/** A catalog over a folder of its own. */
export interface Site {
  catalog: LocalCatalog
  readonly channels: DataChannels
  readonly clock: VirtualClock
  readonly files: Files
  readonly directory: string
  readonly store: Store
  readonly lines: Map<string, JobLogLine[]>
  /** All events since the beginning, as `[name, payload]`. */
  readonly events: [string, unknown][]
  /** Ends the catalog and starts another; over another store where given. */
  restart(store?: Store): Promise<LocalCatalog>
  end(): Promise<void>
}

const eventNames = [
  'image:created',
  'image:completed',
  'image:discarded',
  'image:expired',
  'image:damaged',
] as const

/** Makes a catalog: in a new temporary folder, or in the folder `/catalog` of the files given. Its channels are those of another host, if they go over TLS. */
export async function openSite(files?: Files, { overTls = false } = {}): Promise<Site> {
  const root = files === undefined ? await mkdtemp(join(tmpdir(), 'nb-catalog-')) : '/catalog'
  const clock = createVirtualClock()
  const twins = overTls ? await createChannelTwins({ clock }) : undefined
  const channels = twins?.near ?? createLocalChannels({ clock })
  const lines = new Map<string, JobLogLine[]>()
  const events: Site['events'] = []
  const log = {
    append: async (added: { readonly jobId: string; readonly lines: readonly JobLogLine[] }): Promise<void> =>
      void lines.set(added.jobId, [...(lines.get(added.jobId) ?? []), ...added.lines]),
  }
  const used = files ?? systemFiles()
  const directory = join(root, 'images')
  const components = (store: Store) => ({
    ...{ store, files: used, channels: twins?.far ?? channels, clock, log },
  })
  const begin = async (store: Store): Promise<LocalCatalog> => {
    const catalog = createCatalog(components(store), { directory })
    for (const name of eventNames) catalog.on(name, (payload) => events.push([name, payload]))
    await catalog.start()
    return catalog
  }
  // As in a composition: a part of a database that others use too.
  const store: Store = new MemoryLevel<string, string>().sublevel('catalog')
  const site: Site = {
    catalog: await begin(store),
    channels,
    clock,
    files: used,
    directory,
    store,
    lines,
    events,
    restart: async (other = store) => {
      await site.catalog.stop()
      site.catalog = await begin(other)
      return site.catalog
    },
    end: async () => {
      await site.catalog.stop()
      await twins?.close()
      if (files === undefined) await rm(root, { recursive: true, force: true })
    },
  }
  return site
}

/** Writes other bytes as the file list of an image of client `web1`. */
export async function replaceList(
  { files, directory }: Pick<Site, 'files' | 'directory'>,
  backupId: string,
  bytes: Uint8Array,
): Promise<void> {
  await replaceFile(files, join(directory, 'web1', backupId, 'files.nbf'), bytes)
}

/** Everything in a store. */
export async function dump(store: Store): Promise<[string, string][]> {
  return (await store.iterator().all()) as [string, string][]
}

/** Opens a file list by an index that is made of it. */
export async function openTree(files: Files, path: string): Promise<FileTree> {
  const { batches, totals } = await readListFacts(files, path)
  const index = { batches: groupBatches(batches), entryCount: totals.entries, fileListBytes: totals.bytes }
  const runs = FileListRuns.decode(encodeFileListIndex(index))
  const file = await files.open(path, 'read')
  const head = Buffer.alloc(runs.offset(0))
  await file.read(head, 0)
  const { header } = decodeFileListHeader(head)
  return new FileTree({ path, file, runs, header, pace: new ReadPace(systemClock()) }, () => file.close())
}
