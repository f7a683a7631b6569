import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { ownTime } from './scripts/lib/arrows.mjs'
import nb from './scripts/lib/eslint-plugin.mjs'

const noOwnTime = [
  {
    selector: "MemberExpression[object.name='Date'][property.name='now']",
    message: 'Ask the Clock for the time.',
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'Ask the Clock for the time.',
  },
  {
    selector: 'CallExpression[callee.name=/^(setTimeout|setInterval)$/]',
    message: 'Ask the Clock for a timer.',
  },
  {
    selector: "MemberExpression[object.name='performance'][property.name='now']",
    message: 'Ask the Clock for the time.',
  },
]

export default defineConfig(
  globalIgnores([
    '**/dist/',
    '**/node_modules/',
    'docs/api/',
    '.tap/',
    '**/.tap/',
    'var/',
    '**/tsup.config.ts',
  ]),
  {
    plugins: { nb },
    rules: { 'nb/arrows': 'error', 'nb/declared-imports': 'error', 'nb/no-cycle': 'error' },
  },
  {
    files: ['**/*.ts'],
    ignores: ['*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Ports are asynchronous by rule; an implementation that answers at once still returns a promise.
      '@typescript-eslint/require-await': 'off',
      // Ids, sizes and counters belong in messages as they are.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ownTime,
    rules: {
      'no-restricted-syntax': ['error', ...noOwnTime],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'node:timers/promises', message: 'Ask the Clock for a timer.' },
            { name: 'node:timers', message: 'Ask the Clock for a timer.' },
          ],
        },
      ],
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['packages/cli/src/**'],
    rules: { 'no-console': 'error', 'nb/documented-options': 'error' },
  },
  {
    // tap's own functions return promises that tap itself awaits.
    files: ['**/test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafePromises: [
            { from: 'package', package: '@tapjs/core', name: 'PromiseWithSubtest' },
            { from: 'package', package: 'tap', name: 'PromiseWithSubtest' },
          ],
        },
      ],
    },
  },
)
