import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** A file system with little room. */
export interface SmallDisk {
  readonly directory: string
  /** Takes all the room there is left. */
  fill(): void
  /** Gives it back. */
  free(): void
  unmount(): void
}

/** Mounts a small disk at a new directory, or tells why that can't be done here. */
export function mountSmallDisk(directory: string, sizeMib: number): SmallDisk | string {
  mkdirSync(directory)
  const options = ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'nb-small', directory]
  const mounted = spawnSync('mount', options, { encoding: 'utf8' })
  if (mounted.status !== 0)
    return `no small disk can be mounted here: ${mounted.error?.message ?? mounted.stderr.trim()}`
  const filler = join(directory, 'of-another-program')
  return {
    directory,
    fill: () => void spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1024']),
    free: () => rmSync(filler),
    unmount: () => void execFileSync('umount', ['-l', directory]),
  }
}
