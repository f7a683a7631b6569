// A tree with every kind of entry a backup can meet, the same for the same seed.
import { execFileSync } from 'node:child_process'
import { Buffer } from 'node:buffer'
import { fsyncSync } from 'node:fs'
import { ACCESS_ACL_ATTRIBUTE, DEFAULT_ACL_ATTRIBUTE, encodeAcl, parseAclText } from '../../src/posix/acl.ts'
import { AT, O, S_IF } from '../../src/posix/constants.ts'
import { descriptorPath, loadPosix, type Posix } from '../../src/posix/posix.ts'
import { errnoCodeOf } from '../../src/posix/posix-error.ts'

/** What was made, and what this machine would not let be made. */
export interface MadeTree {
  readonly entries: number
  /** Kinds of things that are missing, with the reason: tests say so aloud. */
  readonly missing: readonly string[]
}

export interface TreeOptions {
  readonly seed: number
  /** Ordinary files spread over directories. @default 40 */
  readonly files?: number
  /** Paths beyond PATH_MAX, which neither tar nor rsync can make. @default true */
  readonly deep?: boolean
}

/** Random numbers that are the same everywhere (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Makes the tree in `root`, which must exist. */
export function makeTree(root: string, options: TreeOptions): MadeTree {
  const posix = loadPosix()
  if (typeof posix === 'string') throw new Error(`a tree of every kind needs native calls: ${posix}`)
  return new TreeMaker(posix, options).make(root)
}

class TreeMaker {
  readonly #posix: Posix
  readonly #random: () => number
  readonly #files: number
  readonly #makesDeep: boolean
  readonly #missing: string[] = []
  readonly #isRoot = process.getuid?.() === 0
  #entries = 0

  constructor(posix: Posix, options: TreeOptions) {
    this.#posix = posix
    this.#random = seeded(options.seed)
    this.#files = options.files ?? 40
    this.#makesDeep = options.deep ?? true
  }

  make(root: string): MadeTree {
    const fd = this.#posix.open(AT.FDCWD, Buffer.from(root), O.RDONLY | O.DIRECTORY)
    this.#ordinary(fd)
    this.#names(fd)
    this.#links(fd)
    this.#sparse(fd)
    this.#special(fd)
    this.#attributes(fd)
    if (this.#makesDeep) this.#deep(fd)
    this.#times(fd)
    this.#posix.close(fd)
    return { entries: this.#entries, missing: this.#missing }
  }

  #file(directory: number, name: string | Buffer, content: Uint8Array, mode = 0o644): void {
    const bytes = Buffer.from(name as string, 'latin1')
    const fd = this.#posix.open(directory, bytes, O.WRONLY | O.CREAT | O.EXCL, 0o600)
    this.#posix.writeAt(fd, content, 0)
    this.#posix.chmodFd(fd, mode)
    this.#posix.setTimesFd(fd, this.#time(), this.#time())
    this.#posix.close(fd)
    this.#entries++
  }

  #inside(directory: number, name: string | Buffer, mode: number, fill: (fd: number) => void): void {
    const bytes = Buffer.from(name as string, 'latin1')
    this.#posix.makeDirectory(directory, bytes, 0o700)
    const fd = this.#posix.open(directory, bytes, O.RDONLY | O.DIRECTORY | O.NOFOLLOW)
    fill(fd)
    this.#posix.chmodFd(fd, mode)
    this.#posix.setTimesFd(fd, this.#time(), this.#time())
    this.#posix.close(fd)
    this.#entries++
  }

  #bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length)
    const start = Math.floor(this.#random() * 256)
    const step = 1 + Math.floor(this.#random() * 250)
    for (let i = 0; i < length; i++) bytes[i] = (start + i * step + (i >>> 8)) & 0xff
    return bytes
  }

  #time(): bigint {
    return (
      BigInt(Math.floor(this.#random() * 2_000_000_000)) * 1_000_000_000n +
      BigInt(Math.floor(this.#random() * 1e9))
    )
  }

  #ordinary(root: number): void {
    this.#inside(root, 'ordinary', 0o755, (top) => {
      this.#file(top, 'empty', Buffer.alloc(0))
      for (const size of [1, 511, 512, 513, 4096, 65_536, 262_144 - 1536, 262_144, 300_001]) {
        this.#file(top, `size-${size}`, this.#bytes(size))
      }
      for (let d = 0; d * 10 < this.#files; d++) {
        this.#inside(top, `directory-${d}`, 0o700 + Math.floor(this.#random() * 64), (fd) => {
          for (let f = 0; f < 10; f++)
            this.#file(fd, `file ${f}.txt`, this.#bytes(Math.floor(this.#random() * 9000)))
        })
      }
      this.#inside(top, 'no-entries', 0o555, () => undefined)
    })
    // Sorts between `ordinary` and `ordinary/…` by plain bytes, not by components.
    this.#file(root, 'ordinary-beside', this.#bytes(10))
    this.#inside(root, 'ordinary.d', 0o755, (fd) => this.#file(fd, 'x', this.#bytes(3)))
  }

  #names(root: number): void {
    this.#inside(root, 'names', 0o755, (fd) => {
      const names = [
        'umlaut-\xfc-latin1',
        '\xff\xfe\x80',
        '\xc3\xbc-utf8',
        ' leading space',
        'new\nline',
        'back\\slash',
        '"quote\'',
        '-rf',
        '*?[a]',
        '\xef\xbb\xbfbom',
        '...',
      ]
      for (const name of names) this.#file(fd, name, Buffer.from(name, 'latin1'))
      this.#file(fd, 'n'.repeat(255), this.#bytes(20))
      this.#inside(fd, 'd'.repeat(99), 0o755, (inner) => {
        this.#inside(inner, 'e'.repeat(155), 0o755, (last) =>
          this.#file(last, 'f'.repeat(101), this.#bytes(20)),
        )
      })
    })
  }

  #links(root: number): void {
    this.#inside(root, 'links', 0o755, (fd) => {
      for (const [name, target] of [
        ['to-file', '../ordinary/empty'],
        ['dangling', '/nowhere/at all'],
        ['to-directory', '..'],
        ['bytes', '\xff\xfe'],
        ['long', 'x/'.repeat(900) + 'y'],
        ['absolute', '/etc/passwd'],
      ] as const) {
        this.#posix.symlink(Buffer.from(target, 'latin1'), fd, Buffer.from(name))
        this.#posix.setTimes(fd, Buffer.from(name), this.#time(), this.#time())
        this.#entries++
      }
      this.#inside(fd, 'hard', 0o755, (hard) => {
        this.#file(hard, 'a-first', this.#bytes(5000))
        this.#file(hard, 'a-sparse', Buffer.alloc(0))
        for (const name of ['m-second', 'z-third']) this.#link(hard, 'a-first', hard, name)
        this.#link(hard, 'a-first', fd, 'zz-elsewhere')
        this.#posix.symlink(Buffer.from('a-first'), hard, Buffer.from('soft'))
        this.#entries++
        this.#link(hard, 'soft', hard, 'soft-too')
      })
    })
  }

  #link(from: number, fromName: string, to: number, name: string): void {
    this.#posix.link(from, Buffer.from(fromName), to, Buffer.from(name))
    this.#entries++
  }

  #sparse(root: number): void {
    this.#inside(root, 'sparse', 0o755, (fd) => {
      const make = (name: string, size: number, data: readonly number[]): void => {
        const file = this.#posix.open(fd, Buffer.from(name), O.WRONLY | O.CREAT | O.EXCL, 0o600)
        this.#posix.truncate(file, size)
        for (const at of data) this.#posix.writeAt(file, this.#bytes(4096), at)
        // Until it is on the disk, the file system has not yet counted the blocks of its own map of the file.
        fsyncSync(file)
        this.#posix.setTimesFd(file, this.#time(), this.#time())
        this.#posix.close(file)
        this.#entries++
      }
      make('one hole', 1 << 20, [])
      make('hole in front', 1 << 20, [(1 << 20) - 4096])
      make('hole behind', 3_000_000, [0])
      make('holes between', 8 << 20, [65_536, 131_072, 1 << 20, 5 << 20])
      make(
        'many holes',
        4 << 20,
        Array.from({ length: 200 }, (_, i) => i * 16_384 + 4096),
      )
      make('beyond 8 GiB', 9 * 2 ** 30, [0, 9 * 2 ** 30 - 8192])
    })
  }

  #special(root: number): void {
    this.#inside(root, 'special', 0o755, (fd) => {
      this.#posix.makeFifo(fd, Buffer.from('fifo'), 0o620)
      this.#entries++
      try {
        this.#posix.makeNode(fd, Buffer.from('null'), S_IF.CHAR | 0o666, 1, 3)
        this.#posix.makeNode(fd, Buffer.from('block'), S_IF.BLOCK | 0o640, 259, 70_000)
        this.#entries += 2
      } catch (error) {
        this.#missing.push(`device nodes (${errnoCodeOf(error)})`)
      }
      for (const mode of [0o4755, 0o2755, 0o6711, 0o1777, 0o000, 0o444])
        this.#file(fd, `mode-${mode.toString(8)}`, this.#bytes(9), mode)
      this.#inside(fd, 'sticky', 0o1777, () => undefined)
      this.#inside(fd, 'setgid', 0o2775, () => undefined)
      if (this.#isRoot) {
        this.#file(fd, 'owned', this.#bytes(7), 0o640)
        this.#posix.chown(fd, Buffer.from('owned'), 1234, 4_000_000_000)
        this.#file(fd, 'owned-setuid', this.#bytes(7), 0o755)
        this.#posix.chown(fd, Buffer.from('owned-setuid'), 33, 33)
        const file = this.#posix.open(fd, Buffer.from('owned-setuid'), O.RDONLY)
        this.#posix.chmodFd(file, 0o6755)
        this.#posix.close(file)
        this.#posix.symlink(Buffer.from('owned'), fd, Buffer.from('owned-link'))
        this.#posix.chown(fd, Buffer.from('owned-link'), 5, 60)
        this.#entries++
      } else this.#missing.push('owners (not root)')
    })
  }

  #attributes(root: number): void {
    this.#inside(root, 'attributes', 0o755, (fd) => {
      this.#file(fd, 'with', this.#bytes(100))
      this.#file(fd, 'acl', this.#bytes(100), 0o640)
      this.#inside(fd, 'acl-directory', 0o750, () => undefined)
      this.#inside(fd, 'inherits', 0o755, () => undefined)
      this.#attempt('user attributes', () => {
        this.#set(fd, 'with', 'user.text', Buffer.from('väl=ue\n'))
        this.#set(fd, 'with', 'user.bytes', Buffer.from([0, 255, 10, 61, 0]))
        this.#set(fd, 'with', 'user.empty', Buffer.alloc(0))
        this.#set(fd, 'with', 'user.a=b%c', Buffer.from('odd name'))
        this.#set(fd, 'acl-directory', 'user.on-directory', this.#bytes(900))
      })
      this.#attempt('ACLs', () => {
        this.#set(
          fd,
          'acl',
          ACCESS_ACL_ATTRIBUTE,
          acl('user::rw-,user:1000:r--,group::r--,group:77:rw-,mask::rw-,other::---'),
        )
        this.#set(
          fd,
          'acl-directory',
          DEFAULT_ACL_ATTRIBUTE,
          acl('user::rwx,user:1000:r-x,group::r-x,mask::r-x,other::---'),
        )
        this.#set(
          fd,
          'acl-directory',
          ACCESS_ACL_ATTRIBUTE,
          acl('user::rwx,user:0:rwx,group::r-x,mask::rwx,other::---'),
        )
        this.#set(
          fd,
          'inherits',
          DEFAULT_ACL_ATTRIBUTE,
          acl('user::rwx,user:1000:rwx,group::r-x,mask::rwx,other::r-x'),
        )
        const inherits = this.#posix.open(fd, Buffer.from('inherits'), O.RDONLY)
        this.#file(inherits, 'inherited', this.#bytes(5), 0o664)
        this.#posix.close(inherits)
      })
      if (this.#isRoot)
        this.#attempt('trusted attributes', () => this.#set(fd, 'with', 'trusted.nb', Buffer.from('t')))
      else this.#missing.push('trusted attributes (not root)')
      for (const name of ['with', 'acl', 'acl-directory', 'inherits'])
        this.#posix.setTimes(fd, Buffer.from(name), this.#time(), this.#time())
    })
  }

  #set(directory: number, name: string, attribute: string, value: Uint8Array): void {
    const path = descriptorPath(directory, Buffer.from(name))
    this.#posix.setAttributeAt(path, Buffer.from(attribute), value, { follow: false })
  }

  #attempt(what: string, action: () => void): void {
    try {
      action()
    } catch (error) {
      const code = errnoCodeOf(error)
      if (code !== 'ENOTSUP' && code !== 'EPERM') throw error
      this.#missing.push(`${what} (${code})`)
    }
  }

  /** A path of some 5,000 bytes: more than any call takes at once. */
  #deep(root: number): void {
    this.#inside(root, 'deep', 0o755, (top) => {
      let fd = top
      for (let i = 0; i < 45; i++) {
        const name = Buffer.from(`${String(i).padStart(3, '0')}${'p'.repeat(107)}`)
        this.#posix.makeDirectory(fd, name, 0o750)
        const next = this.#posix.open(fd, name, O.RDONLY | O.DIRECTORY)
        if (fd !== top) this.#posix.close(fd)
        this.#entries++
        fd = next
      }
      this.#file(fd, 'bottom', this.#bytes(777))
      this.#posix.symlink(Buffer.from('bottom'), fd, Buffer.from('bottom-link'))
      this.#entries++
      this.#posix.close(fd)
    })
  }

  #times(root: number): void {
    this.#inside(root, 'times', 0o755, (fd) => {
      for (const [name, ns] of [
        ['before-1970', -1_500_000_001n],
        ['epoch', 0n],
        ['one-ns', 1n],
        ['last-ns', 1_234_567_890_999_999_999n],
        ['after-2038', 4_000_000_000_123_456_789n],
      ] as const) {
        this.#file(fd, name, this.#bytes(5))
        this.#posix.setTimes(fd, Buffer.from(name), ns, ns)
      }
    })
  }
}

function acl(text: string): Buffer {
  return encodeAcl(parseAclText(text))
}

/** Whether a command can be run here. */
export function has(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
