import { accessSync, closeSync, constants, mkdirSync, openSync, rmSync, statSync, statfsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Bench, BenchSize } from './bench.ts'
import { type Leftovers, removeEmptyFolders } from './leftovers/leftovers.ts'
import { UsageError } from './usage-error.ts'

/**
 * Makes the folder of `--work` where it is not there, and has the leftovers lie in it.
 *
 * @throws `UsageError` where it is no folder, or can't be made or written to
 */
export function openWorkDirectory(directory: string, leftovers: Leftovers): void {
  const made: string[] = []
  try {
    makeFolders(resolve(directory), made)
    leftovers.open(directory, made)
  } catch (error) {
    removeEmptyFolders(made)
    throw new UsageError(
      `--work ${directory}: ${(error as Error).message}; name a folder on a disk that you may write to`,
    )
  }
}

/** One by one: Node's own way to make them all does not end where the system makes none, as below /proc. */
function makeFolders(path: string, made: string[]): void {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat?.isDirectory() === true) return
  if (stat !== undefined) throw new Error(`${path} is no folder`)
  makeFolders(dirname(path), made)
  mkdirSync(path)
  made.push(path)
}

/**
 * Throws `UsageError` where the file of `--json` could not be written. Nothing is changed: a file that is there stays, one that is not is not
 * there afterwards.
 */
export function checkJsonFile(file: string): void {
  try {
    const stat = statSync(file, { throwIfNoEntry: false })
    if (stat?.isDirectory() === true) throw new UsageError('it is a folder')
    if (stat !== undefined) return accessSync(file, constants.W_OK)
    closeSync(openSync(file, 'wx'))
    rmSync(file)
  } catch (error) {
    const { message } = error as Error
    throw new UsageError(`--json ${file}: ${message}; name a file in a folder that is there`)
  }
}

/** Bytes that are free to this user where a folder lies. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

/** Throws `UsageError` where the folder of `--work` has less room than a bench is known to need. */
export function checkRoom(directory: string, bench: Bench, size: BenchSize): void {
  const needed = bench.needs?.(size) ?? 0
  const free = freeBytes(directory)
  if (free >= needed) return
  const quick = size.quick ? undefined : bench.needs?.({ ...size, quick: true })
  const orQuick = quick !== undefined && quick <= free ? ', or run it with --quick' : ''
  throw new UsageError(
    `--work ${directory}: ${bench.name} needs ${inMib(needed)} there and ${inMib(free)} are free; make room or name a folder on another disk${orQuick}`,
  )
}

/** A size for people. */
export function inMib(bytes: number): string {
  return `${Math.floor(bytes / 2 ** 20).toLocaleString('en')} MiB`
}
