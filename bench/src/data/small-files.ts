import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { leftovers } from '../leftovers/leftovers.ts'
import { setTime } from './big-files.ts'
import { createContent } from './content.ts'
import { type Random, createRandom } from './random.ts'

/** What to make. */
export interface SmallFilesSpec {
  readonly files: number
}

/** What was made. */
export interface SmallFiles {
  /** Files, directories and links, the folder itself included. */
  readonly entries: number
  readonly bytes: number
  /** What `setfattr --restore` sets on some of the files, as text. */
  readonly attributes: string
}

const medianBytes = 4096
/** The mean is then about 12 KiB, as in the home directories and source trees that were looked at. */
const sigma = 1.48
const mostBytes = 16 * 1024 * 1024
const filesPerDirectory = 20

/** Makes a tree of many small files: sizes log-normal around 4 KiB, one symlink in 50 files, one hard link in 200. */
export async function makeSmallFiles(
  folder: string,
  { files }: SmallFilesSpec,
  seed: number,
): Promise<SmallFiles> {
  const random = createRandom(seed)
  const content = createContent(random, 4 * 1024 * 1024)
  const directories = makeDirectories(folder, Math.max(1, Math.round(files / filesPerDirectory)), random)
  const space = Buffer.allocUnsafe(mostBytes)
  const attributes: string[] = []
  let links = 0
  let bytes = 0
  for (let number = 0; number < files; number++) {
    if (number % 100 === 0) await leftovers.giveWay()
    const directory = directories[random.below(directories.length)] as string
    const path = join(directory, `${number.toString(36)}${extensionOf(random)}`)
    const data = space.subarray(0, sizeOf(random))
    if (random.below(2) === 0) content.log(data)
    else content.noise(data)
    writeFileSync(path, data, { mode: random.below(10) === 0 ? 0o755 : 0o644 })
    bytes += data.length
    setTime(path, random.below(100_000_000))
    if (number % 50 === 0) symlinkSync(`../${number.toString(36)}`, join(directory, `link-${number}`))
    if (number % 200 === 0) linkSync(path, join(directory, `same-${number}`))
    links += (number % 50 === 0 ? 1 : 0) + (number % 200 === 0 ? 1 : 0)
    if (number % 40 === 0) attributes.push(`# file: ${path}\nuser.origin="bench-${random.below(1000)}"\n`)
  }
  // Deepest first: the time of a directory changes with what is made in it.
  for (const directory of [...directories].reverse()) setTime(directory, random.below(100_000_000))
  return { entries: directories.length + files + links, bytes, attributes: attributes.join('\n') }
}

/** The folder and directories below it, each after the one it is in. */
function makeDirectories(folder: string, count: number, random: Random): string[] {
  mkdirSync(folder, { recursive: true })
  const directories = [folder]
  while (directories.length < count) {
    // Of the younger half, so that the tree grows deep as well as wide.
    const from = random.below(2) === 0 ? 0 : directories.length >> 1
    const parent = directories[from + random.below(directories.length - from)] as string
    const directory = join(parent, `d${directories.length.toString(36)}`)
    mkdirSync(directory)
    directories.push(directory)
  }
  return directories
}

function sizeOf(random: Random): number {
  return Math.min(mostBytes, Math.round(medianBytes * Math.exp(sigma * random.normal())))
}

function extensionOf(random: Random): string {
  return ['.ts', '.json', '.md', '.log', '.jpg', ''][random.below(6)] as string
}
