// Reads the import specifiers of a TypeScript file and finds cycles among relative ones.

import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import ts from 'typescript'

const cache = new Map()

/** Import, re-export and dynamic-import specifiers of `file`, types included. Cached by modification time. */
export function importsOf(file) {
  const { mtimeMs } = statSync(file)
  const known = cache.get(file)
  if (known?.mtimeMs === mtimeMs) return known.specifiers
  const text = readFileSync(file, 'utf8')
  const specifiers = ts.preProcessFile(text, true, true).importedFiles.map((each) => each.fileName)
  cache.set(file, { mtimeMs, specifiers })
  return specifiers
}

/** The relative imports of `file` that exist, as absolute paths. */
export function relativeImportsOf(file) {
  return importsOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => resolve(dirname(file), specifier))
    .filter((target) => existsSync(target) && /\.[mc]?[jt]s$/.test(target))
}

/** The shortest chain of files that leads from `file` through `first` back to `file`, or undefined. */
export function cycleThrough(file, first) {
  const cameFrom = new Map([[first, undefined]])
  const queue = [first]
  for (const current of queue) {
    if (current === file) return chain(cameFrom, current)
    for (const next of relativeImportsOf(current)) {
      if (cameFrom.has(next)) continue
      cameFrom.set(next, current)
      queue.push(next)
    }
  }
  return undefined
}

function chain(cameFrom, last) {
  const files = []
  for (let at = last; at !== undefined; at = cameFrom.get(at)) files.unshift(at)
  return files
}

/** `@scope/name/sub` -> `@scope/name`; `name/sub` -> `name`. */
export function packageName(specifier) {
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]
}
