import { spawnSync } from 'node:child_process'
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '@nb/test-kit'

const mib = 1024 * 1024
const filesPerDirectory = 50

/** What was made. */
export interface LargeTree {
  readonly files: number
  readonly bytes: number
  readonly links: number
  /** Files that carry extended attributes; 0 where the machine has no `setfattr` or no place for them. */
  readonly attributed: number
}

/**
 * Makes a tree like those of real machines, the same for the same seed: file sizes log-normal around 4 KiB (mean 12),
 * directories of some fifty, every fiftieth file with a symbolic and every hundredth with a hard link beside it, every
 * hundredth with extended attributes.
 */
export function makeLargeTree(root: string, files: number, seed: number): LargeTree {
  const random = seededRandom(seed)
  const content = noise(8 * mib, random)
  const made = { files, bytes: 0, links: 0, attributed: 0 }
  const attributes: string[] = []
  let directory = root
  mkdirSync(root)
  for (let at = 0; at < files; at++) {
    if (at % filesPerDirectory === 0) {
      directory = join(root, `group-${Math.floor(at / 1000)}`, `folder ${Math.floor(at / filesPerDirectory)}`)
      mkdirSync(directory, { recursive: true })
    }
    const size = Math.min(Math.floor(4096 * Math.exp(1.5 * normal(random))), content.length / 2)
    const start = Math.floor(random() * (content.length - size))
    const path = join(directory, `file-${at}.data`)
    writeFileSync(path, content.subarray(start, start + size))
    made.bytes += size
    if (at % 50 === 7) symlinkSync(`file-${at}.data`, join(directory, `symbolic-${at}`))
    if (at % 100 === 9) linkSync(path, join(directory, `hard-${at}`))
    if (at % 100 === 11)
      attributes.push(`# file: ${path}\nuser.nb.number="${at}"\nuser.nb.kind="every hundredth"\n`)
    utimesSync(path, 1.5e9 + random() * 1e8, 1.5e9 + random() * 1e8)
  }
  made.links = Math.ceil((files - 7) / 50) + Math.ceil((files - 9) / 100)
  const set = spawnSync('setfattr', ['--restore=-'], { input: attributes.join('\n') })
  if (set.status === 0) made.attributed = attributes.length
  return made
}

/** Makes one file, half of it noise and half text, a MiB of each in turn. */
export function makeLargeFile(path: string, bytes: number, seed: number): void {
  const random = seededRandom(seed)
  const noises = noise(64 * mib, random)
  const file = openSync(path, 'w')
  for (let at = 0; at < bytes; at += mib) {
    const start = Math.floor(random() * (noises.length - mib))
    const text = (): string => `${at} ${'the quick brown fox jumps over the lazy dog '.repeat(2)}\n`
    const chunk = (at / mib) % 2 === 0 ? noises.subarray(start, start + mib) : Buffer.alloc(mib, text())
    writeSync(file, chunk, 0, Math.min(mib, bytes - at))
  }
  closeSync(file)
}

function noise(bytes: number, random: () => number): Buffer {
  const words = new Uint32Array(bytes / 4)
  for (let at = 0; at < words.length; at++) words[at] = random() * 2 ** 32
  return Buffer.from(words.buffer)
}

/** A number of the standard normal distribution. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
