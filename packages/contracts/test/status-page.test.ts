import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { errorKinds, statusCodes } from '../src/index.ts'
import { renderStatusPage, statusUses } from '../../../scripts/lib/status-page.mjs'
import { root } from '../../../scripts/lib/run.mjs'

t.test('the page of statuses says what the contracts say', async (t) => {
  const page = readFileSync(join(root, 'docs/guides/statuses.md'), 'utf8')
  t.equal(page, renderStatusPage({ statusCodes, errorKinds }), 'node scripts/status-page.mjs writes it')
})

t.test('every status has its row, with the time when it is given, or none', async (t) => {
  t.same(Object.keys(statusUses), Object.keys(statusCodes))
  for (const [status, use] of Object.entries(statusUses))
    t.ok(use === undefined || use.length > 5, `status ${status}`)
})

t.test('every error code that is thrown has a status with a meaning', async (t) => {
  for (const [code, { status }] of Object.entries(errorKinds))
    t.ok(statusCodes[status], `${code} has status ${status}`)
})
