// `npm run lint [-- --fix]`: format, rules of the house, and the types of tests. Runs all before it fails.

import { bootstrap } from './lib/bootstrap.mjs'
import { lintGroups } from './lib/lint-groups.mjs'
import { root, runTool } from './lib/run.mjs'

await bootstrap({ declarations: true })

const fix = process.argv.includes('--fix')
const checks = [
  ['prettier', 'prettier/bin/prettier.cjs', [fix ? '--write' : '--check', '--log-level=warn', '.']],
  ...lintGroups(root).map((paths) => [
    `eslint of ${paths.join(', ')}`,
    'eslint/bin/eslint.js',
    [
      ...paths,
      // Whole folders are named, whatever of them is not to be linted.
      '--no-warn-ignored',
      '--no-error-on-unmatched-pattern',
      '--max-warnings=0',
      ...(fix ? ['--fix'] : []),
    ],
  ]),
  ['types of tests', 'typescript/bin/tsc', ['-p', 'tsconfig.test.json']],
]

const failed = []
for (const [name, tool, args] of checks) if ((await runTool(tool, args)) !== 0) failed.push(name)

process.stdout.write(failed.length === 0 ? 'lint: clean\n' : `lint: failed (${failed.join(', ')})\n`)
process.exitCode = failed.length === 0 ? 0 : 1
