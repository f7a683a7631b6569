/**
 * The image database: a header and a file list for every backup image; browse by path and date, find versions,
 * verify, expire.
 *
 * ```ts
 * import { mkdtemp } from 'node:fs/promises'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { systemClock, systemFiles, toPath } from '@nb/contracts'
 * import { createCatalog } from '@nb/catalog'
 * import { FileListEncoder } from '@nb/formats'
 * import { createLocalChannels } from '@nb/remote'
 * import { MemoryLevel } from 'memory-level'
 *
 * const clock = systemClock()
 * const channels = createLocalChannels({ clock })
 * const directory = await mkdtemp(join(tmpdir(), 'images-'))
 * const catalog = createCatalog({ store: new MemoryLevel(), files: systemFiles(), channels, clock }, { directory })
 * await catalog.start()
 *
 * // What a backup does: an image is made, its file list arrives, and when all fits together it is complete.
 * const { backupId } = await catalog.createImage({
 *   jobId: '1', client: 'web1', policy: 'daily', schedule: 'full', scheduleType: 'full',
 *   selections: [toPath('/srv')], retentionLevel: 1,
 * })
 * const encoder = new FileListEncoder({ images: [backupId] })
 * encoder.add({
 *   path: Buffer.from('/srv/index.html'), kind: 'file', mode: 0o644, uid: 0, gid: 0, sizeBytes: 12, mtimeNs: 1n, ctimeNs: 1n,
 *   identity: { device: 1n, inode: 7n }, linkCount: 1, imageIndex: 0, memberOffset: 0, memberBytes: 1024, flags: 0,
 * })
 * const list = Buffer.concat([encoder.header(), encoder.flush() ?? Buffer.alloc(0)])
 * const fileList = { bytes: list.length, batches: 1, entries: 1 }
 *
 * const channel = await channels.connect(await catalog.appendFileList({ backupId }))
 * await channel.write(list)
 * await channel.end()
 * await catalog.sealFileList({ backupId, totals: fileList })
 * const fragment = { number: 1, streamOffset: 0, streamBytes: 2048, wholeMembers: true, blockBytes: 65_536 }
 * await catalog.completeImage({ backupId, completion: {
 *   status: 0, fileList, counts: { entries: 1, storedEntries: 1, bytes: 12, streamBytes: 2048, warnings: 0 },
 *   copies: [{ copy: 1, storageUnit: 'disk1', mediaServer: 'media1', fragments: [fragment] }],
 * } })
 *
 * // What a person does: looks what was there, now or at any date.
 * for await (const entry of catalog.browse({ client: 'web1', path: toPath('/srv') }))
 *   console.log(entry.path, entry.sizeBytes, entry.backupId)
 * await catalog.stop()
 * ```
 *
 * Headers and lists lie in a folder, readable by a person and by the format's own tools; the store holds an index
 * over the headers that is made anew whenever it is missing or differs.
 *
 * @packageDocumentation
 */
export { createCatalog, type CatalogComponents, type CatalogOptions, type LocalCatalog } from './catalog.ts'
