import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { createCatalog, type LocalCatalog } from '@nb/catalog'
import {
  type ChannelTicket,
  type DataChannels,
  type ImageRecord,
  systemClock,
  systemFiles,
  toPath,
} from '@nb/contracts'
import { FileListEncoder } from '@nb/formats'
import { createLocalChannels } from '@nb/remote'
import { Level } from 'level'
import { totalsOf, type WrittenList } from './write-list.ts'

/** A catalog on a disk, started. */
export interface CatalogSite {
  readonly catalog: LocalCatalog
  readonly channels: DataChannels
  readonly stop: () => Promise<void>
}

export const client = 'web1'

/** Opens the catalog in a folder, with its index in a database on the disk. */
export async function openSite(folder: string): Promise<CatalogSite> {
  const clock = systemClock()
  const channels = createLocalChannels({ clock })
  const store = new Level<string, string>(join(folder, 'index'))
  await store.open()
  const catalog = createCatalog(
    { store, files: systemFiles(), channels, clock },
    { directory: join(folder, 'images') },
  )
  await catalog.start()
  return {
    catalog,
    channels,
    stop: async () => {
      await catalog.stop()
      await store.close()
    },
  }
}

/** Takes a written list through the life of an image. `full` is the image that holds what the list takes over. */
export async function addImage(
  { catalog, channels }: CatalogSite,
  list: WrittenList,
  full?: string,
): Promise<ImageRecord> {
  const { backupId } = await catalog.createImage({
    jobId: '1',
    client,
    policy: 'daily',
    schedule: full === undefined ? 'full' : 'incremental',
    scheduleType: full === undefined ? 'full' : 'differential',
    selections: [toPath('/data')],
    retentionLevel: 1,
    ...(full === undefined ? {} : { referenceId: full }),
  })
  const header = new FileListEncoder({ images: full === undefined ? [backupId] : [backupId, full] }).header()
  await send(channels, (await catalog.appendFileList({ backupId })).ticket, header, list.path)
  const fileList = totalsOf(list, header)
  await catalog.sealFileList({ backupId, totals: fileList })
  const fragment = {
    number: 1,
    streamOffset: 0,
    streamBytes: list.counts.streamBytes,
    wholeMembers: true,
    blockBytes: 262_144,
  }
  return catalog.completeImage({
    backupId,
    completion: {
      status: 0,
      counts: list.counts,
      fileList,
      copies: [{ copy: 1, storageUnit: 'disk1', mediaServer: 'media1', fragments: [fragment] }],
    },
  })
}

async function send(
  channels: DataChannels,
  ticket: ChannelTicket,
  header: Buffer,
  path: string,
): Promise<void> {
  const channel = await channels.connect({ ticket })
  await channel.write(header)
  const file = openSync(path, 'r')
  for (;;) {
    const chunk = Buffer.allocUnsafe(256 * 1024)
    const count = readSync(file, chunk)
    if (count === 0) break
    await channel.write(chunk.subarray(0, count))
  }
  closeSync(file)
  await channel.end()
  while ((await channel.read()) !== undefined);
}

/** Has the system hold in memory all files below a folder, as it does of what is asked for again and again. */
export function fillCache(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      spawnSync('dd', [`if=${join(entry.parentPath, entry.name)}`, 'of=/dev/null', 'bs=1M', 'status=none'])
}

/** Drops what the system holds in memory of the files below a folder, so that the next read goes to the disk. */
export function dropCache(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      spawnSync('dd', [`if=${join(entry.parentPath, entry.name)}`, 'iflag=nocache', 'count=0', 'status=none'])
}
