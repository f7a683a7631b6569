import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

const MEMORY = '/dev/shm'

/** A fresh directory where a file can have any time, which most disks limit; `undefined` where there is none. */
export function memoryDirectory(t: Test): string | undefined {
  if (!existsSync(MEMORY)) return undefined
  const directory = mkdtempSync(join(MEMORY, 'nb-times-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  touch(directory, '1600-01-01')
  return lstatSync(directory, { bigint: true }).mtimeNs < -(2n ** 63n) ? directory : undefined
}

/** Gives a file, or a link itself, a time as `touch` takes them; Node.js has none that are exact. */
export function touch(path: string, time: string, ...options: readonly string[]): void {
  execFileSync('touch', ['--no-dereference', ...options, '--date', time, path], {
    env: { ...process.env, TZ: 'UTC' },
  })
}
