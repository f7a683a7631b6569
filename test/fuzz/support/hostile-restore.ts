import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { type ArchiveMember, type FileRecord, encodeMember, paddingOf } from '@nb/formats'

/** Name that nobody but an escaped restore makes. */
export const escapedName = 'nb-escaped'

/** A target, and beside it what must stay as it is. */
export class Ground {
  readonly target: string
  readonly #root: string
  readonly #before: string

  constructor() {
    this.#root = mkdtempSync(join(tmpdir(), 'nb-hostile-'))
    this.target = join(this.#root, 'a', 'target')
    mkdirSync(join(this.#root, 'a', 'outside', 'folder'), { recursive: true, mode: 0o755 })
    writeFileSync(join(this.#root, 'a', 'outside', 'treasure'), 'treasure', { mode: 0o600 })
    this.#before = this.#shown()
  }

  /** What the target's parent has beside it. */
  get outside(): string {
    return join(this.#root, 'a', 'outside')
  }

  /** Throws when anything beside the target is not as it was; empties the target. */
  check(): void {
    const now = this.#shown()
    if (now !== this.#before) throw new Error(`outside the target: ${now}, not ${this.#before}`)
    for (const directory of ['/', tmpdir(), this.#root, process.cwd()])
      if (existsSync(join(directory, escapedName))) throw new Error(`${directory} has ${escapedName}`)
    rmSync(this.target, { recursive: true, force: true })
  }

  /** Removes all of it. */
  remove(): void {
    rmSync(this.#root, { recursive: true, force: true })
  }

  /** Names, kinds, owners, times, sizes and content of everything but what is in the target. */
  #shown(): string {
    const lines: string[] = []
    const walk = (path: string): void => {
      if (path === this.target) return
      const { mode, uid, gid, size, mtimeMs, nlink } = lstatSync(path)
      const isFile = (mode & 0o170000) === 0o100000
      const own = path === join(this.#root, 'a') ? [] : [mtimeMs, nlink, size]
      lines.push([path, mode, uid, gid, ...own, isFile ? readFileSync(path, 'latin1') : ''].join(' '))
      if ((mode & 0o170000) === 0o040000) for (const name of readdirSync(path).sort()) walk(join(path, name))
    }
    walk(this.#root)
    return lines.join('\n')
  }
}

/** A member with its data, and the plan's word about it. */
export function hostileEntry(
  offset: number,
  index: number,
  member: Partial<ArchiveMember> & Pick<ArchiveMember, 'kind'>,
  to: Buffer,
  planned: Partial<FileRecord> = {},
): { readonly bytes: Buffer; readonly record: FileRecord } {
  const content = member.kind === 'file' ? Buffer.from(`content ${index}`) : Buffer.alloc(0)
  const whole: ArchiveMember = {
    path: Buffer.from(`m${index}`),
    mode: 0o755,
    uid: 0,
    gid: 0,
    sizeBytes: content.length,
    mtimeNs: 1n,
    ...member,
  }
  const bytes = Buffer.concat([encodeMember(whole), content, Buffer.alloc(paddingOf(content.length))])
  const isSymlink = whole.kind === 'symlink'
  return {
    bytes,
    record: {
      path: to,
      kind: whole.kind === 'hardlink' ? 'file' : whole.kind,
      mode: 0o755,
      uid: 0,
      gid: 0,
      sizeBytes: content.length,
      mtimeNs: 1n,
      ctimeNs: 1n,
      ...(isSymlink ? { linkTarget: whole.linkTarget ?? Buffer.from('x') } : {}),
      ...(whole.kind.endsWith('-device') ? { deviceMajor: 1, deviceMinor: 3 } : {}),
      identity: { device: 1n, inode: BigInt(index + 1) },
      linkCount: 1,
      imageIndex: 0,
      memberOffset: offset,
      memberBytes: bytes.length,
      flags: 0,
      ...planned,
    },
  }
}
