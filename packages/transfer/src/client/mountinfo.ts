import { comparePaths, isWithin } from '@nb/formats'

/** A line of Linux' `/proc/PID/mountinfo` (proc_pid_mountinfo(5)), as far as it matters here. Paths are raw bytes. */
export interface Mount {
  readonly id: number
  readonly parentId: number
  /** `MAJOR:MINOR` of what is mounted: mounts of one file system have it in common. */
  readonly device: string
  /** The directory of the file system that is mounted; not `/` for bind mounts and for subvolumes. */
  readonly root: Buffer
  readonly mountPoint: Buffer
  readonly type: string
  /** Such as `/dev/sda1`. */
  readonly source: string
  /** Options of the file system itself. */
  readonly options: readonly string[]
}

/** The mounts in a mountinfo file, in its order. Lines that are not of its form are left out. */
export function parseMountinfo(content: Buffer): Mount[] {
  // One character a byte, so that names that are not UTF-8 come through.
  return content
    .toString('latin1')
    .split('\n')
    .flatMap((line) => parseLine(line) ?? [])
}

function parseLine(line: string): Mount | undefined {
  const fields = line.split(' ')
  const separator = fields.indexOf('-', 6)
  const [id, parentId, device, root, mountPoint] = fields
  const [type, source, options] = fields.slice(separator + 1)
  if (separator < 0 || type === undefined || source === undefined) return undefined
  if (device === undefined || root === undefined || mountPoint?.startsWith('/') !== true) return undefined
  return {
    id: Number(id),
    parentId: Number(parentId),
    device,
    root: unescaped(root),
    mountPoint: unescaped(mountPoint),
    type,
    source: unescaped(source).toString(),
    options: options?.split(',').map((option) => unescaped(option).toString('latin1')) ?? [],
  }
}

/** The kernel writes space, tab, line feed, backslash and `#` as `\040`, `\011`, `\012`, `\134` and `\043`. */
function unescaped(text: string): Buffer {
  const plain = text.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
  return Buffer.from(plain, 'latin1')
}

/** Mounts that a path leads to: not those under another mount that was laid over them. */
export function visibleMounts(mounts: readonly Mount[]): Mount[] {
  const byId = new Map(mounts.map((mount) => [mount.id, mount]))
  const parentOf = ({ id, parentId }: Mount): Mount | undefined =>
    parentId === id ? undefined : byId.get(parentId)
  const siblings = new Map<number, Mount[]>()
  for (const mount of mounts) siblings.set(mount.parentId, [...(siblings.get(mount.parentId) ?? []), mount])
  /** Whether the way to a mount point leads there. */
  const reachable = (mount: Mount, depth = 0): boolean => {
    if (depth > mounts.length) return false
    const { mountPoint, parentId } = mount
    // Had another been there first, further up, the way to this one would have led into it: it would be this one's parent.
    const isBelowSibling = (siblings.get(parentId) ?? []).some(
      (other) =>
        !other.mountPoint.equals(mountPoint) &&
        isWithin(mountPoint, other.mountPoint) &&
        other.id !== parentId,
    )
    if (isBelowSibling) return false
    const parent = parentOf(mount)
    if (parent === undefined) return true
    // Laid exactly over its parent, it is what hides all else in that.
    const isLaidOver = mountPoint.equals(parent.mountPoint)
    return reachable(parent, depth + 1) && (isLaidOver || !covered(parent))
  }
  const covered = ({ id, mountPoint }: Mount): boolean =>
    (siblings.get(id) ?? []).some((other) => other.id !== id && other.mountPoint.equals(mountPoint))
  return mounts.filter((mount) => reachable(mount) && !covered(mount))
}

/** Images of media that can't change: what is in them comes with them. */
const readOnlyTypes = new Set(['squashfs', 'iso9660', 'udf', 'cramfs', 'romfs', 'erofs'])
/** File systems on disks that do not name a device file as their source. */
const disksWithoutDevice = new Set(['zfs', 'bcachefs', 'btrfs'])
/** What may be the root of a container or of a live system. */
const layeredTypes = new Set(['overlay', 'aufs', 'fuse.fuse-overlayfs', 'fuse-overlayfs'])

/**
 * The mounts that are the local file systems: each on a disk of this host, once, sorted by mount point.
 *
 * Left out are the kernel's own (proc, sysfs, cgroup, …), memory (tmpfs, ramfs), the network's (nfs, cifs, 9p, ceph, …), FUSE
 * but for file systems on a block device, read-only images (squashfs, iso9660, …), and bind mounts of what is seen at
 * another place. A subvolume of btrfs counts as a file system, since a walk does not enter it from outside. The root
 * counts also where it is an overlay.
 */
export function localMounts(mounts: readonly Mount[]): Mount[] {
  const local = visibleMounts(mounts).filter(isOnDisk)
  const kept = local.filter((mount) => !local.some((other) => other !== mount && hides(other, mount)))
  return kept.sort((a, b) => comparePaths(a.mountPoint, b.mountPoint))
}

function isOnDisk({ type, source, mountPoint }: Mount): boolean {
  if (layeredTypes.has(type)) return mountPoint.toString('latin1') === '/'
  if (readOnlyTypes.has(type) || type === 'devtmpfs') return false
  if (type === 'fuse' || type.startsWith('fuse.')) return false
  return disksWithoutDevice.has(type) || source.startsWith('/dev/')
}

/** Whether a mount shows what the other shows too, so that the other need not be. */
function hides(kept: Mount, other: Mount): boolean {
  if (kept.device !== other.device || kept.type !== other.type) return false
  if (kept.root.equals(other.root)) {
    // The same directory at several places: the shortest way to it, the first of those in order.
    const [a, b] = [kept.mountPoint, other.mountPoint]
    return a.length < b.length || (a.length === b.length && comparePaths(a, b) < 0)
  }
  return isWithin(other.root, kept.root) && !isSubvolume(other)
}

/** A mounted subvolume of btrfs names itself in its options, where a bind mount names the subvolume it lies in. */
function isSubvolume({ root, options }: Mount): boolean {
  return options.includes(`subvol=${root.toString('latin1')}`)
}
