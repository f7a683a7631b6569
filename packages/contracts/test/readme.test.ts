import { readFileSync } from 'node:fs'
import t from 'tap'
import { errorKinds } from '../src/errors.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

t.test('every error code has a heading that tells its status and whether to try again', async (t) => {
  const sections = new Map(
    readme
      .split(/^### /m)
      .slice(1)
      .map((section) => [section.match(/^`([a-z-]+)`$/m)?.[1], section] as const),
  )
  for (const [code, { status, retryable }] of Object.entries(errorKinds)) {
    const section = sections.get(code) ?? ''
    t.match(section, new RegExp(`Status ${status} \\(`), `${code}: status ${status}`)
    t.match(section, retryable ? /\), retryable\./ : /\), not retryable\./, `${code}: ${retryable}`)
  }
  const codes = [...sections.keys()].filter((code) => code !== undefined && !(code in errorKinds))
  t.same(codes, [], 'no heading of a code that is gone')
})
