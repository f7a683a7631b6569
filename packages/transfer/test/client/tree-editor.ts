import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** Changes a tree at random: creates, changes, renames, deletes, links and retypes what is there. */
export class TreeEditor {
  readonly log: string[] = []
  readonly #root: string
  readonly #random: () => number

  constructor(root: string, random: () => number) {
    this.#root = root
    this.#random = random
  }

  edit(): void {
    const action = this.#pick([
      'create',
      'create',
      'write',
      'sneak',
      'mode',
      'rename',
      'rename',
      'remove',
      'link',
      'retype',
      'touch',
    ])
    if (action === 'create') return this.create()
    const path = this.#pick(this.#paths())
    if (path === undefined) return this.create()
    const isDirectory = lstatSync(path).isDirectory()
    const isFile = lstatSync(path).isFile()
    this.log.push(`${action} ${path.slice(this.#root.length)}`)
    if (action === 'write' && isFile) writeFileSync(path, this.#content())
    else if (action === 'sneak' && isFile) {
      const { size, atime, mtime } = lstatSync(path)
      writeFileSync(path, Buffer.alloc(size, Math.floor(this.#random() * 256)))
      utimesSync(path, atime, mtime)
    } else if (action === 'mode' && !lstatSync(path).isSymbolicLink())
      chmodSync(path, 0o700 + Math.floor(this.#random() * 64))
    else if (action === 'rename') this.#rename(path)
    else if (action === 'remove') rmSync(path, { recursive: true })
    else if (action === 'link' && !isDirectory) linkSync(path, this.#freshPath(''))
    else if (action === 'retype') {
      rmSync(path, { recursive: true })
      if (isDirectory) writeFileSync(path, this.#content())
      else mkdirSync(path)
    } else if (action === 'touch' && isFile) utimesSync(path, this.#random() * 1e9, this.#random() * 1e9)
  }

  create(): void {
    const kind = this.#pick(['file', 'file', 'file', 'directory', 'symlink', 'fifo', 'sparse'])
    const path = this.#freshPath('')
    this.log.push(`create ${kind} ${path.slice(this.#root.length)}`)
    if (kind === 'directory') mkdirSync(path)
    else if (kind === 'symlink') symlinkSync(this.#pick(['.', '/nowhere', '../x', 'a']) ?? '.', path)
    else if (kind === 'fifo') execFileSync('mkfifo', [path])
    else {
      writeFileSync(path, this.#content())
      if (kind === 'sparse') truncateSync(path, 1 << 20)
    }
  }

  #rename(path: string): void {
    const to = this.#freshPath(path)
    renameSync(path, to)
  }

  #content(): Buffer {
    return Buffer.alloc(Math.floor(this.#random() * 20_000), Math.floor(this.#random() * 256))
  }

  /** A path that is not there, outside `not`. */
  #freshPath(not: string): string {
    const places = [
      this.#root,
      ...this.#paths().filter((path) => lstatSync(path).isDirectory() && !isWithin(path, not)),
    ]
    for (;;) {
      const path = join(
        this.#pick(places) ?? this.#root,
        `${this.#pick(['a', 'b', 'c', 'x-', 'é', 'Z'])}${Math.floor(this.#random() * 100)}`,
      )
      if (!exists(path)) return path
    }
  }

  #paths(directory: string = this.#root): string[] {
    const entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
    return entries.flatMap((entry) => {
      const path = join(directory, entry.name)
      return entry.isDirectory() ? [path, ...this.#paths(path)] : [path]
    })
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random() * list.length)]
  }
}

function isWithin(path: string, directory: string): boolean {
  return directory !== '' && `${path}/`.startsWith(`${directory}/`)
}

function exists(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch {
    return false
  }
}
