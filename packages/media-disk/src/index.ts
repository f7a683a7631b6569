/**
 * Disk storage units: each fragment of an image is one file that describes itself, carries a checksum for every
 * block, and is read by `tar` alone.
 *
 * ```ts
 * import { execFileSync } from 'node:child_process'
 * import { mkdtempSync, rmSync } from 'node:fs'
 * import { systemClock, systemFiles } from '@nb/contracts'
 * import { encodeMember } from '@nb/formats'
 * import { createDiskStore } from '@nb/media-disk'
 *
 * const directory = mkdtempSync('/tmp/nb-disk-')
 * const store = createDiskStore(
 *   { files: systemFiles(), clock: systemClock() },
 *   { storageUnit: 'disk1', directory },
 * )
 * await store.start()
 * const disk = await store.mount({
 *   jobId: '1',
 *   flow: 'backup',
 *   allocation: {
 *     allocationId: 'a1', jobId: '1', storageUnit: 'disk1', mediaServer: 'media1', purpose: 'write', since: 0,
 *     medium: { kind: 'disk', maxFragmentBytes: 2 ** 30 },
 *   },
 * })
 *
 * const backupId = 'web1_1767225600'
 * const writer = await disk.createFragment({
 *   backupId, copy: 1, number: 1, streamOffset: 0, startsAtMember: true,
 *   client: 'web1', policy: 'etc', schedule: 'full', createdAt: Date.UTC(2026, 0, 1),
 * })
 * await writer.write(
 *   encodeMember({ path: Buffer.from('etc/motd'), kind: 'file', mode: 0o644, uid: 0, gid: 0, sizeBytes: 512, mtimeNs: 0n }),
 * )
 * await writer.write(Buffer.alloc(512, 'welcome\n'))
 * const fragment = await writer.commit({ image: { backupId }, fileList: [], endsAtMember: true, last: true })
 *
 * const reader = await disk.openFragment({ backupId, copy: 1, fragment })
 * for await (const chunk of reader.read({ offset: 512, bytes: 8 })) console.log(Buffer.from(chunk).toString())
 * await reader.close()
 * console.log(execFileSync('tar', ['-tf', `${directory}/web1/${backupId}/1-000001.nbf`]).toString())
 * rmSync(directory, { recursive: true })
 * ```
 *
 * @packageDocumentation
 */
export {
  createDiskStore,
  type DiskStore,
  type DiskStoreComponents,
  type DiskStoreOptions,
} from './disk-store.ts'
export { type FolderLock, systemFolderLock } from './folder-lock.ts'
export { MARKER_NAME } from './marker.ts'
