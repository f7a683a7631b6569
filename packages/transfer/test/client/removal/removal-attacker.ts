// Run as a process of its own: makes SOURCE/d a link to OUTSIDE and the directory again, for ever.
import { renameSync, symlinkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

const [source = '', outside = ''] = process.argv.slice(2)
const name = join(source, 'd')
const away = join(source, 'away')
const attempt = (action: () => void): void => {
  try {
    action()
  } catch {
    // The removal was quicker; the next attempt comes at once.
  }
}
process.send?.('ready')
const swap = (): void => {
  for (let i = 0; i < 50; i++) {
    attempt(() => renameSync(name, away))
    attempt(() => symlinkSync(outside, name))
    attempt(() => unlinkSync(name))
    attempt(() => renameSync(away, name))
  }
  setImmediate(swap)
}
swap()
