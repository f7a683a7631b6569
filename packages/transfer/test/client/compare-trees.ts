// Compares two trees by means of their own: `find`, `stat` and Node's file system functions, none of the code under test.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type BigIntStats,
} from 'node:fs'

/** What to leave out of the comparison. */
export interface CompareOptions {
  /** Restored by someone who is not root, owners can't be equal. @default true */
  readonly owners?: boolean
  /** Access times move when a tree is read. @default false */
  readonly accessTimes?: boolean
  /** @default true */
  readonly allocation?: boolean
  /** @default true */
  readonly extended?: boolean
  /** Times of directories, which change when someone works in them. @default true */
  readonly directoryTimes?: boolean
}

/** Differences, one sentence each; empty when the trees are equal. Paths are shown as latin1. */
export function compareTrees(a: string, b: string, options: CompareOptions = {}): string[] {
  const left = scan(a, options)
  const right = scan(b, options)
  const differences: string[] = []
  for (const [path, facts] of left) {
    const other = right.get(path)
    if (other === undefined) differences.push(`only in ${a}: ${path}`)
    else {
      for (const key of Object.keys(facts)) {
        if (facts[key] === other[key]) continue
        if (key === 'blocks' && sameHoles(below(a, path), below(b, path))) continue
        differences.push(`${path}: ${key} ${facts[key]} ≠ ${other[key]}`)
      }
    }
  }
  for (const path of right.keys()) if (!left.has(path)) differences.push(`only in ${b}: ${path}`)
  return differences
}

type Facts = Record<string, string>

/**
 * Whether two files whose counts of sectors differ have their data and their holes at the same places. The sectors of `stat`
 * include the file system's own map of the file, whose size depends on how scattered the free space was.
 */
function sameHoles(a: Buffer, b: Buffer): boolean {
  return dataRangesOf(a) === dataRangesOf(b)
}

/** Where a file has data, as lines of first and end, by the lseek of Perl, which every Debian has; Node has none. */
function dataRangesOf(path: Buffer): string {
  const script = `open(my $f, '<', pack('H*', shift)) or die "$!"; my $end = -s $f; my $at = 0;
    while ($at < $end && defined(my $data = sysseek($f, $at, 3))) {
      $at = sysseek($f, $data, 4); print $data + 0, ' ', $at + 0, "\n" }`
  return execFileSync('perl', ['-e', script, path.toString('hex')], { encoding: 'utf8' })
}

/** The path of an entry that is shown as latin1. */
function below(root: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')])
}

function scan(root: string, options: CompareOptions): Map<string, Facts> {
  const found = new Map<string, Facts>()
  const firstNames = new Map<string, string>()
  const extended = options.extended === false ? new Map<string, string>() : extendedOf(root)
  walkBelow(Buffer.from(root), Buffer.alloc(0), (relative, path, stat) => {
    const name = relative.toString('latin1')
    const facts: Facts = {
      kind: String(stat.mode & 0o170000n),
      mode: (stat.mode & 0o7777n).toString(8),
      ...(options.owners === false ? {} : { owner: `${stat.uid}:${stat.gid}` }),
      ...(stat.isDirectory() && options.directoryTimes === false ? {} : { mtime: String(stat.mtimeNs) }),
      ...(options.accessTimes === true ? { atime: String(stat.atimeNs) } : {}),
      extended: extended.get(name) ?? '',
    }
    if (stat.isFile()) {
      facts['size'] = String(stat.size)
      facts['content'] = contentOf(path, stat)
      if (options.allocation !== false) facts['blocks'] = String(stat.blocks)
    }
    if (stat.isSymbolicLink()) facts['target'] = readlinkSync(path, { encoding: 'buffer' }).toString('latin1')
    if (stat.isCharacterDevice() || stat.isBlockDevice()) facts['device'] = String(stat.rdev)
    if (!stat.isDirectory() && stat.nlink > 1n) {
      const identity = `${stat.dev}:${stat.ino}`
      if (!firstNames.has(identity)) firstNames.set(identity, name)
      facts['same file as'] = firstNames.get(identity) ?? ''
      facts['names'] = String(stat.nlink)
    }
    found.set(name, facts)
  })
  return found
}

/** Node takes paths of 4,095 bytes: below that depth `cd`-like shells are needed, here the descriptor's own path. */
function walkBelow(
  root: Buffer,
  relative: Buffer,
  visit: (relative: Buffer, path: Buffer, stat: BigIntStats) => void,
): void {
  const stat = lstatSync(root, { bigint: true })
  visit(relative, root, stat)
  if (!stat.isDirectory()) return
  const names = readdirSync(root, { encoding: 'buffer' }).sort((x, y) => Buffer.compare(x, y))
  const long = root.length > 3000
  const fd = long ? openSync(root, 'r') : -1
  const base = long ? Buffer.from(`/proc/self/fd/${fd}`) : root
  try {
    for (const name of names) {
      const below = relative.length === 0 ? name : Buffer.concat([relative, Buffer.from('/'), name])
      walkBelow(Buffer.concat([base, Buffer.from('/'), name]), below, visit)
    }
  } finally {
    if (fd >= 0) closeSync(fd)
  }
}

// One for all files: to clear a MiB for each of 100,000 files takes minutes.
const buffer = Buffer.allocUnsafe(1 << 20)

function contentOf(path: Buffer, stat: BigIntStats): string {
  const hash = createHash('sha256')
  const fd = openSync(path, 'r')
  try {
    // Of a file of many GiB, nearly all hole, both ends tell enough here; its allocation is compared as well.
    const size = Number(stat.size)
    const ranges =
      size > 2 ** 30
        ? ([
            [0, 1 << 20],
            [size - (1 << 20), size],
          ] as const)
        : ([[0, size]] as const)
    for (const [from, to] of ranges) {
      for (let at: number = from; at < to;) {
        const count = readSync(fd, buffer, 0, Math.min(buffer.length, to - at), at)
        if (count === 0) break
        hash.update(buffer.subarray(0, count))
        at += count
      }
    }
  } finally {
    closeSync(fd)
  }
  return hash.digest('hex')
}

/** Extended attributes and ACLs of all entries with any, as `getfattr` dumps them; paths as latin1. */
function extendedOf(root: string): Map<string, string> {
  const found = new Map<string, string>()
  let dump: string
  try {
    dump = execFileSync('getfattr', ['-R', '-h', '-P', '-d', '-m', '-', '-e', 'hex', '.'], {
      cwd: root,
      encoding: 'latin1',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch (error) {
    const failure = error as NodeJS.ErrnoException & { stdout?: string }
    if (failure.code === 'ENOENT') return found
    // It fails for paths beyond PATH_MAX, after having told all others.
    dump = failure.stdout ?? ''
  }
  for (const part of dump.split('\n\n')) {
    const [head = '', ...lines] = part.split('\n')
    if (!head.startsWith('# file: ')) continue
    const name = head
      .slice('# file: '.length)
      .replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
    found.set(name === '.' ? '' : name.replace(/^\.\//, ''), lines.sort().join(' '))
  }
  return found
}

/** Whether commands for {@link extendedOf} are here; a test without them says so. */
export function comparesExtended(): boolean {
  try {
    execFileSync('getfattr', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
