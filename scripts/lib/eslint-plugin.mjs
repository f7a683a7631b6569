// The house rules that no published plugin holds: arrows between packages, declared imports, no cycles.

import { existsSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { allowedSiblings } from './arrows.mjs'
import { cycleThrough, packageName } from './imports.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Calls `check(node, specifier)` for every import, re-export and literal dynamic import. */
function onImports(check) {
  const visit = (node) => {
    if (typeof node.source?.value === 'string') check(node.source, node.source.value)
  }
  return {
    ImportDeclaration: visit,
    ExportNamedDeclaration: visit,
    ExportAllDeclaration: visit,
    ImportExpression: visit,
  }
}

function nearestManifest(file) {
  for (let at = dirname(file); at.startsWith(root.slice(0, -1)); at = dirname(at)) {
    const path = join(at, 'package.json')
    if (existsSync(path)) return { directory: at, manifest: JSON.parse(readFileSync(path, 'utf8')) }
  }
  return undefined
}

const arrows = {
  meta: { type: 'problem', schema: [], docs: { description: 'packages import only the siblings they may' } },
  create(context) {
    const [top, folder, part] = relative(root, context.filename).split(sep)
    if (top !== 'packages' || part !== 'src') return {}
    const allowed = allowedSiblings[folder]
    return onImports((node, specifier) => {
      const sibling = specifier.match(/^@nb\/([^/]+)/)?.[1]
      if (sibling !== undefined && !allowed?.includes(sibling)) {
        context.report({
          node,
          message: `${folder} may not import @nb/${sibling}; ask for a port of @nb/contracts`,
        })
      }
      const target = specifier.startsWith('.') ? resolve(dirname(context.filename), specifier) : undefined
      if (target !== undefined && !target.startsWith(join(root, 'packages', folder, 'src') + sep)) {
        context.report({ node, message: 'a relative import leaves the src of its package' })
      }
    })
  },
}

const declaredImports = {
  meta: { type: 'problem', schema: [], docs: { description: 'every package imported is declared' } },
  create(context) {
    const found = nearestManifest(context.filename)
    if (found === undefined) return {}
    const { directory, manifest } = found
    const published = relative(directory, context.filename).split(sep)[0] === 'src'
    const declared = new Set([
      ...Object.keys(manifest.dependencies ?? {}),
      ...Object.keys(manifest.peerDependencies ?? {}),
      ...Object.keys(manifest.optionalDependencies ?? {}),
      ...(published ? [] : Object.keys(manifest.devDependencies ?? {})),
      manifest.name,
    ])
    // Tests run under the root's tap, and the root's scripts see what the root declares.
    const shared = published ? new Set() : new Set(['tap', 'typescript', 'tsup'])
    return onImports((node, specifier) => {
      if (specifier.startsWith('.') || isBuiltin(specifier)) return
      if (specifier.startsWith('node:')) return
      const name = packageName(specifier)
      if (!declared.has(name) && !shared.has(name)) {
        context.report({
          node,
          message: `${name} is not declared in ${relative(root, directory) || '.'}/package.json`,
        })
      }
    })
  },
}

const noCycle = {
  meta: { type: 'problem', schema: [], docs: { description: 'no file imports itself through others' } },
  create(context) {
    return onImports((node, specifier) => {
      if (!specifier.startsWith('.')) return
      const target = resolve(dirname(context.filename), specifier)
      if (!existsSync(target)) return
      const cycle = cycleThrough(context.filename, target)
      if (cycle === undefined) return
      const path = [context.filename, ...cycle].map((file) => relative(root, file)).join(' -> ')
      context.report({ node, message: `import cycle: ${path}` })
    })
  },
}

const documentedOptions = {
  meta: {
    type: 'problem',
    schema: [],
    docs: { description: 'every property of an XOptions interface says what it does' },
  },
  create(context) {
    const check = (node) => {
      if (!/Options$/.test(node.id.name)) return
      for (const member of node.body.body) {
        const documented = context.sourceCode
          .getCommentsBefore(member)
          .some((comment) => comment.type === 'Block' && comment.value.startsWith('*'))
        if (!documented)
          context.report({ node: member, message: 'say what this option does: unit, bound, @default' })
      }
    }
    return { 'ExportNamedDeclaration > TSInterfaceDeclaration': check }
  },
}

export default {
  rules: {
    arrows,
    'declared-imports': declaredImports,
    'no-cycle': noCycle,
    'documented-options': documentedOptions,
  },
}
