import { closeSync, fsync, mkdirSync, openSync, utimesSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { leftovers } from '../leftovers/leftovers.ts'
import { createContent } from './content.ts'
import { createRandom } from './random.ts'

/** What to make. */
export interface BigFilesSpec {
  readonly files: number
  readonly fileBytes: number
}

const chunkBytes = 1024 * 1024

/** Makes a folder of few big files: every second mebibyte noise, the others log lines. The same seed, the same bytes. */
export async function makeBigFiles(
  folder: string,
  { files, fileBytes }: BigFilesSpec,
  seed: number,
): Promise<void> {
  const random = createRandom(seed)
  const content = createContent(random, Math.min(16 * 1024 * 1024, Math.max(fileBytes, 1024)))
  const chunk = Buffer.allocUnsafe(chunkBytes)
  mkdirSync(folder, { recursive: true })
  for (let number = 1; number <= files; number++) {
    const path = join(folder, `big-${String(number).padStart(2, '0')}.log`)
    const fd = openSync(path, 'w', 0o640)
    for (let at = 0; at < fileBytes; at += chunkBytes) {
      await leftovers.giveWay()
      const piece = chunk.subarray(0, Math.min(chunkBytes, fileBytes - at))
      if ((at / chunkBytes) % 2 === 0) content.noise(piece)
      else content.log(piece)
      for (let done = 0; done < piece.length;) done += writeSync(fd, piece, done)
    }
    await promisify(fsync)(fd)
    closeSync(fd)
    setTime(path, random.below(1e6))
  }
  setTime(folder, 0)
}

/** Times that do not tell when the data was made. */
export function setTime(path: string, secondsAgo: number): void {
  const at = 1_767_225_600 - secondsAgo
  utimesSync(path, at, at)
}
