import assert from 'node:assert/strict'
import { type LocalFileSystem, type NbError, pathToBytes } from '@nb/contracts'
import { comparePaths } from '@nb/formats'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import { backups, endings } from './client-agent-backups.ts'
import { checkpoints } from './client-agent-checkpoints.ts'
import type { Check, ClientAgentFixture } from './client-agent-fixture.ts'
import { removals } from './client-agent-removals.ts'
import { restores } from './client-agent-restores.ts'

export type { ClientAgentFixture } from './client-agent-fixture.ts'

/** The obligations of `ClientAgent`. */
export function clientAgentSuite(context: SuiteContext, setup: SuiteSetup<ClientAgentFixture>): void {
  const check: Check = (name, body) => void withFixture(context, setup, name, body)
  backups(check)
  checkpoints(check)
  endings(check)
  restores(check)
  removals(check)
  hosts(check)
}

function hosts(check: Check): void {
  check(
    'the local file systems come sorted by mount point, or it says that it can not tell',
    async ({ agent }) => {
      let found: readonly LocalFileSystem[]
      try {
        found = await agent.fileSystems({})
      } catch (error) {
        assert.equal((error as NbError).code, 'not-supported')
        return
      }
      const points = found.map(({ mountPoint }) => pathToBytes(mountPoint))
      assert.deepEqual(points, [...points].sort(comparePaths))
      for (const { mountPoint, type } of found)
        assert.ok(mountPoint.startsWith('/') && type !== '', mountPoint)
    },
  )
}
