import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An empty directory for one test. Removed by `rm`, which knows names and depths that Node's own removal does not. */
export function freshDirectory(t: { teardown(action: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'nb-transfer-'))
  t.teardown(() => {
    execFileSync('sh', ['-c', 'chmod -R u+rwX "$1" 2>/dev/null; rm -rf "$1"', 'sh', directory])
  })
  return directory
}
