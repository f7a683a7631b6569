// Asks the registry whether what is shipped has known weaknesses. Ends with 1 where it has, with 0 where it has none or the registry answers no audits, which is told.
import { spawnSync } from 'node:child_process'

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8', timeout: 60_000 })
const answer = parsed(stdout)
const counts = answer?.metadata?.vulnerabilities
if (counts === undefined) {
  const why = answer?.message ?? answer?.error?.summary ?? 'it said nothing that can be read'
  console.error(`NOT AUDITED: the registry answers no audits (${why}); run npm run audit where it does`)
} else if (counts.total > 0) {
  console.error(`${counts.total} known weaknesses in what is shipped: npm audit --omit=dev tells which`)
  process.exitCode = 1
} else console.log('no known weakness in what is shipped')

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
