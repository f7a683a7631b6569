// The folders that are linted in one process: the types of all of them at once take more memory than Node gives a process.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Bytes of source of one group; a folder with more is a group of its own. */
const GROUP_BYTES = 1_500_000

const isSource = (name) => /\.[mc]?[jt]s$/.test(name)
const isLeftOut = (name) => name === 'node_modules' || name === 'dist' || name.startsWith('.')

/** Bytes of source at a path. */
function sourceBytes(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return isSource(path) ? stat.size : 0
  return readdirSync(path).reduce(
    (sum, name) => (isLeftOut(name) ? sum : sum + sourceBytes(join(path, name))),
    0,
  )
}

/** All that has source below `root`, in groups of paths relative to it. */
export function lintGroups(root) {
  const inside = (folder) =>
    readdirSync(join(root, folder))
      .filter((name) => !isLeftOut(name))
      .map((name) => join(folder, name))
  const paths = inside('.').flatMap((path) =>
    path === 'packages' || path === 'examples' ? inside(path) : [path],
  )
  const groups = []
  let present = { bytes: Infinity, paths: [] }
  for (const path of paths) {
    const bytes = sourceBytes(join(root, path))
    if (bytes === 0) continue
    if (present.bytes + bytes > GROUP_BYTES) groups.push((present = { bytes: 0, paths: [] }))
    present.bytes += bytes
    present.paths.push(path)
  }
  return groups.map((group) => group.paths)
}
