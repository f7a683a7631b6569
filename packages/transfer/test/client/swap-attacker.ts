// Run as a process of its own: makes TARGET/d a directory, then a link to OUTSIDE, then a directory again, for ever.
import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

const [target = '', outside = ''] = process.argv.slice(2)
const name = join(target, 'd')
const attempt = (action: () => void): void => {
  try {
    action()
  } catch {
    // The extractor was quicker; the next attempt comes at once.
  }
}
process.send?.('ready')
const swap = (): void => {
  for (let i = 0; i < 50; i++) {
    attempt(() => renameSync(name, join(target, `away-${i}`)))
    attempt(() => symlinkSync(outside, name))
    attempt(() => rmSync(name))
    attempt(() => mkdirSync(name))
    attempt(() => rmSync(join(target, `away-${i}`), { recursive: true, force: true }))
  }
  setImmediate(swap)
}
swap()
