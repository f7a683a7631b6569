import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toPath } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { recover } from '../../../host-program/src/catalog-backup/recover.ts'
import { clientName } from '../../src/compose.ts'
import { boot } from '../support/boot.ts'
import { runExample, scratch, startExample } from '../support/run-example.ts'

t.setTimeout(110_000)

const child = fileURLToPath(new URL('../support/recovery-lock-child.ts', import.meta.url))

/** A catalog backup on a second disk; answers its recovery file, and the options that recover it. */
async function lostMachine(root: string): Promise<readonly string[]> {
  const [state, secondDisk, catalogBackup] = ['lost', 'disk2', 'recovery'].map((name) =>
    join(root, name),
  ) as [string, string, string]
  const server = await boot(state, { settings: { tries: 1, secondDisk, catalogBackup } })
  const policy = {
    name: 'catalog',
    active: true,
    clients: [clientName],
    selections: [toPath(join(catalogBackup, 'snapshot'))],
    storage: { kind: 'unit', name: 'disk2' } as const,
    schedules: [
      { name: 'full', type: 'full', frequencyMs: 86_400_000, windows: [], retentionLevel: 3 },
    ] as const,
  }
  await server.ports.scheduler.putPolicy({ policy })
  const { jobIds } = await server.ports.scheduler.runNow({ policy: 'catalog', schedule: 'full' })
  const jobId = jobIds[0] as string
  t.match(await server.ports.jobs.wait({ jobId }), { status: 0 })
  let file: string | undefined
  for await (const event of server.ports.jobs.watch({ jobId, lines: true })) {
    file = event.kind === 'line' ? /^the recovery file is (.*);/.exec(event.line.text)?.[1] : undefined
    if (file !== undefined) break
  }
  await server.stop()
  return ['--recover', file ?? '', '--recover-from', secondDisk]
}

t.test('of two recoveries into one state one makes it, and the other names it', async (t) => {
  const root = scratch('two-recoveries')
  const options = await lostMachine(root)
  const nothingBeside = (): void => {
    t.same(
      readdirSync(root).filter((name) => name.includes('recovering')),
      [],
    )
  }

  await t.test(
    'the other is refused while one is at work, and takes over from one that was killed',
    async (t) => {
      const state = join(root, 'killed')
      const first = startExample([`${state}.recovering`, state], child)
      await first.printed(/LOCKED/)
      const refused = await runExample(...options, '--state', state)
      t.match(refused, { code: 1, stdout: '' })
      t.match(
        refused.stderr,
        new RegExp(
          `^\nstatus 145: process ${first.child.pid} recovers into ${state} already, in ${state}\\.recovering: ` +
            'wait for its end, or stop it and say this again\n$',
        ),
      )
      first.child.kill('SIGKILL')
      await first.ended
      t.match(await runExample(...options, '--state', state), { code: 0, stderr: '' })
      nothingBeside()
    },
  )

  await t.test('both at once', async (t) => {
    const state = join(root, 'both')
    const runs = await Promise.all([1, 2].map(() => runExample(...options, '--state', state)))
    const [won, lost] = runs.sort((one, other) => (one.code ?? 9) - (other.code ?? 9))
    t.match(won, { code: 0, stderr: '', stdout: /is as the catalog backup of/ })
    // The one may be at its end before the other has begun.
    t.match(lost, {
      code: 1,
      stderr: /^\nstatus (145: process \d+ recovers into|5: --state .* is not empty)/,
    })
    nothingBeside()
    const server = await boot(state, { settings: { tries: 1 } })
    t.match(await collect(server.ports.scheduler.policies({})), [{ name: 'catalog' }], 'the state is whole')
    await server.stop()
  })

  await t.test('a lock that a loss of power has left half made is none', async (t) => {
    const state = join(root, 'power')
    const lock = join(`${state}.recovering`, 'lock', 'database')
    mkdirSync(lock, { recursive: true })
    writeFileSync(join(lock, 'CURRENT'), '')
    const [, recoveryFile = '', , unitFolder = ''] = options
    await recover({ recoveryFile, unitFolder, state })
    t.ok(existsSync(join(state, 'database')))
    nothingBeside()
  })
})
