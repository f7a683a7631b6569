import { resolve } from 'node:path'
import { createCatalog } from '@nb/catalog'
import { displayPath, type FileEntry, type ImageRecord, NbError, systemClock, toPath } from '@nb/contracts'
import { MemoryLevel } from 'memory-level'
import { runTool } from './command-line.ts'
import { readOnlyFiles } from './read-only-files.ts'

const help = `Looks into the image folder of a server that is not running. Changes nothing there.

Usage: catalog-browser FOLDER                lists the images, newest first
       catalog-browser FOLDER ls PATH        what was in a directory
       catalog-browser FOLDER versions PATH  the states of one file over all images

  --client NAME   whose backups (default: that of the newest image)
  --image ID      of this image (default: the newest)
  --at TIME       as it was then, such as 2026-01-31T20:00Z (default: now)

FOLDER is STATE/images of the all-in-one example.`

const noChannel = (): Promise<never> => Promise.reject(new NbError('not-supported', 'no list leaves here'))
const time = (ms: number): string => new Date(ms).toISOString().slice(0, 19)

await runTool('catalog-browser', help, ['client', 'image', 'at'], async ({ options, positionals }) => {
  const [folder, action = 'images', path = '/'] = positionals
  if (folder === undefined || !['images', 'ls', 'versions'].includes(action))
    throw new TypeError('see --help')
  const channels = { listen: noChannel, connect: noChannel }
  const parts = { store: new MemoryLevel(), files: readOnlyFiles(), channels, clock: systemClock() }
  const catalog = createCatalog(parts, { directory: resolve(folder) })
  catalog.on('image:damaged', ({ message }) => console.error(message))
  await catalog.start()
  try {
    let client = options.client ?? ''
    for await (const image of catalog.listImages({})) {
      client ||= image.client
      if (action === 'images') console.log(imageLine(image))
    }
    if (action === 'images') return
    const at = options.at === undefined ? {} : { at: Date.parse(options.at) }
    const image = options.image === undefined ? {} : { backupId: options.image }
    const query = { client, path: toPath(path) }
    const found = action === 'ls' ? catalog.browse({ ...query, ...at, ...image }) : catalog.versions(query)
    for await (const entry of found) console.log(entryLine(entry))
  } finally {
    await catalog.stop()
  }
})

function imageLine({ backupId, backupTime, policy, schedule, counts, status }: ImageRecord): string {
  const { entries = 0, bytes = 0 } = counts ?? {}
  return `${time(backupTime)}  ${backupId}  ${policy}/${schedule}  ${entries} entries, ${bytes} bytes, status ${status ?? '?'}`
}

function entryLine({ path, kind, mode, sizeBytes, mtimeNs, dataImage }: FileEntry): string {
  const changed = time(Number(BigInt(mtimeNs) / 1_000_000n))
  return `${kind.padEnd(9)} ${mode.toString(8).padStart(4, '0')} ${String(sizeBytes).padStart(12)}  ${changed}  ${dataImage}  ${displayPath(path)}`
}
