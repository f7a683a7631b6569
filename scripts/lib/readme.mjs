// The README of a package: its @packageDocumentation, then what was written by hand below the marker.

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './run.mjs'

export const marker = '<!-- api -->'

/** Folder names of packages/. */
export function packageFolders() {
  return readdirSync(join(root, 'packages')).filter((folder) =>
    existsSync(join(root, 'packages', folder, 'package.json')),
  )
}

/** The README that packages/`folder` must have, given its sources and the hand-written part of the one it has. */
export function renderReadme(folder) {
  const directory = join(root, 'packages', folder)
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const about = packageDocumentation(readFileSync(join(directory, 'src/index.ts'), 'utf8'))
  const path = join(directory, 'README.md')
  const current = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const byHand = handWritten(current)
  const head = `# ${manifest.name}\n\n${about}\n\n${marker}\n`
  return byHand === '' ? head : `${head}\n${byHand}\n`
}

/** What follows the marker; in a README that has none yet, what follows its first second-level heading. */
function handWritten(readme) {
  const at = readme.indexOf(marker)
  if (at !== -1) return readme.slice(at + marker.length).trim()
  const heading = readme.search(/^## /m)
  return heading === -1 ? '' : readme.slice(heading).trim()
}

/** The text of the comment that holds @packageDocumentation, as Markdown. */
export function packageDocumentation(source) {
  const comment = source.match(/\/\*\*(?:(?!\*\/)[\s\S])*@packageDocumentation(?:(?!\*\/)[\s\S])*\*\//)?.[0]
  if (comment === undefined) throw new Error('src/index.ts has no @packageDocumentation comment')
  return comment
    .slice('/**'.length, -'*/'.length)
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .replace(/^@packageDocumentation[ \t]*$/m, '')
    .replace(/^@example[ \t]*(.*)$/gm, (_, title) => (title === '' ? '' : `### ${title}`))
    .replace(
      /\{@link(?:code|plain)?\s+([^}|\s]+)(?:[|\s]\s*([^}]*))?\}/g,
      (_, target, text) => text?.trim() || `\`${target}\``,
    )
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

/** The code of the first ```ts block of a Markdown text, or undefined. */
export function firstExample(markdown) {
  return markdown.match(/^```(?:ts|typescript)\b[^\n]*\n([\s\S]*?)^```/m)?.[1]
}
