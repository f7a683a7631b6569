import { stat, readFile } from 'node:fs/promises'
import { type LocalFileSystem, NbError, pathFromBytes } from '@nb/contracts'
import { localMounts, parseMountinfo } from './mountinfo.ts'

/** What the host is asked. */
export interface HostMounts {
  readonly platform: string
  /** The content of `/proc/self/mountinfo`. */
  readonly mountinfo: () => Promise<Buffer>
  readonly isDirectory: (path: Buffer) => Promise<boolean>
}

const thisHost: HostMounts = {
  platform: process.platform,
  mountinfo: () => readFile('/proc/self/mountinfo'),
  isDirectory: (path) =>
    stat(path).then(
      (found) => found.isDirectory(),
      // Gone since, or not to be looked into: nothing can be backed up from it.
      () => false,
    ),
}

/**
 * The file systems that lie on disks of this host, sorted by mount point. See {@link localMounts} for which these are.
 *
 * @throws NbError `not-supported` where it is not Linux, `source-unreadable` when the table of mounts can't be read
 */
export async function localFileSystems(host: HostMounts = thisHost): Promise<readonly LocalFileSystem[]> {
  const { platform, mountinfo, isDirectory } = host
  if (platform !== 'linux') {
    throw new NbError(
      'not-supported',
      `The file systems of a client can be told on Linux, not on ${platform}; name the paths to back up.`,
    )
  }
  const content = await mountinfo().catch((error: unknown) => {
    throw new NbError('source-unreadable', `The table of mounts can't be read: ${(error as Error).message}`, {
      cause: error,
    })
  })
  const found: LocalFileSystem[] = []
  for (const { mountPoint, type } of localMounts(parseMountinfo(content))) {
    // A single file can be a mount too, as /etc/hosts is in a container.
    if (await isDirectory(mountPoint)) found.push({ mountPoint: pathFromBytes(mountPoint), type })
  }
  return found
}
