import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, lstatSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Debian package of each tool, to say how a skipped test can be run. */
const PACKAGE: Readonly<Record<string, string>> = {
  tar: 'tar',
  bsdtar: 'libarchive-tools',
  getfattr: 'attr',
  setfattr: 'attr',
  setfacl: 'acl',
  xxhsum: 'xxhash',
}

/**
 * Why a test that needs tools cannot run here.
 *
 * @returns false when it can, else a reason with the way to get there
 */
export function missingTools(...tools: string[]): string | false {
  const missing = tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined)
  if (missing.length === 0) return false
  const packages = [...new Set(missing.map((tool) => PACKAGE[tool] ?? tool))].join(' ')
  return `SKIPPED: ${missing.join(', ')} not found; apt-get install ${packages}`
}

/** Whether the process may set owners and make device nodes. */
export const isRoot: boolean = process.getuid?.() === 0

/** A directory for one test, on a file system with extended attributes; removed with it. */
export function scratch(t: { teardown(remove: () => void): unknown }): string {
  const directory = mkdtempSync(join(tmpdir(), 'nb-formats-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  chmodSync(directory, 0o755)
  return directory
}

/** Runs a tool in the C.UTF-8 locale and returns what it said on standard error. */
export function run(tool: string, args: readonly string[], input?: Buffer): string {
  const result = spawnSync(tool, args, {
    ...(input === undefined ? {} : { input }),
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
    maxBuffer: 1 << 28,
  })
  if (result.error) throw result.error
  const said = result.stderr.toString()
  if (result.status !== 0) throw new Error(`${tool} ${args.join(' ')} ended with ${result.status}: ${said}`)
  return said
}

/** A shell pipeline; fails when any part of it fails. */
export function shell(script: string, cwd: string): string {
  return execFileSync('bash', ['-e', '-o', 'pipefail', '-c', script], { cwd, encoding: 'utf8' })
}

/** What a file system says about one entry. */
export interface Seen {
  readonly path: string
  readonly type: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly sizeBytes: number
  readonly mtimeNs: bigint
  readonly inode: bigint
  readonly device: bigint
  readonly allocatedBytes: number
  readonly link?: Buffer
  readonly content?: Buffer
}

/** All entries below a directory, paths as latin1 so that bytes survive, in bytewise order. */
export function look(root: string): Map<string, Seen> {
  const seen = new Map<string, Seen>()
  const visit = (directory: Buffer): void => {
    for (const name of readdirSync(directory, { encoding: 'buffer' })) {
      const full = Buffer.concat([directory, Buffer.from('/'), name])
      const stat = lstatSync(full, { bigint: true })
      const path = full.subarray(root.length + 1).toString('latin1')
      seen.set(path, {
        path,
        type: Number(stat.mode) >> 12,
        mode: Number(stat.mode) & 0o7777,
        uid: Number(stat.uid),
        gid: Number(stat.gid),
        sizeBytes: Number(stat.size),
        mtimeNs: stat.mtimeNs,
        inode: stat.ino,
        device: stat.rdev,
        allocatedBytes: Number(stat.blocks) * 512,
        ...(stat.isSymbolicLink() ? { link: readlinkSync(full, { encoding: 'buffer' }) } : {}),
        ...(stat.isFile() ? { content: readFileSync(full) } : {}),
      })
      if (stat.isDirectory()) visit(full)
    }
  }
  visit(Buffer.from(root))
  return seen
}

/** Extended attributes of a file in the `user.` namespace, values in hexadecimal. */
export function xattrsOf(file: string): Map<string, string> {
  const text = execFileSync('getfattr', ['--absolute-names', '-d', '-e', 'hex', file], { encoding: 'latin1' })
  const pairs = text.split('\n').filter((line) => line.startsWith('user.'))
  return new Map(
    pairs.map((line) => {
      const [name = '', value = ''] = line.split(/=(?=0x|$)/)
      return [name.replaceAll('\\075', '='), value]
    }),
  )
}
