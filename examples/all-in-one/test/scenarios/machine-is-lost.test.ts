import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Policy, type Schedule, systemFiles, toPath } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { makeTree } from '../../../../packages/transfer/test/client/make-tree.ts'
import { recover } from '../../../host-program/src/catalog-backup/recover.ts'
import { type Recovery, writeRecoveryFile } from '../../../host-program/src/catalog-backup/recovery-file.ts'
import { clientName } from '../../src/compose.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { runExample, scratch } from '../support/run-example.ts'
import { restoreTo, snapshotTree } from '../support/site.ts'

t.setTimeout(110_000)

function policyOf(name: string, selection: string): Policy {
  const schedule = (type: Schedule['type'], retentionLevel: number): Schedule => ({
    name: type,
    type,
    frequencyMs: 86_400_000,
    windows: [],
    retentionLevel,
  })
  return {
    name,
    active: true,
    clients: [clientName],
    selections: [toPath(selection)],
    storage: { kind: 'unit', name: 'disk2' },
    schedules: [schedule('full', 3), schedule('differential', 1)],
  }
}

async function run({ ports }: BootedServer, policy: string, schedule = 'full') {
  const { jobIds } = await ports.scheduler.runNow({ policy, schedule })
  return ports.jobs.wait({ jobId: jobIds[0] as string })
}

/** The recovery file of a catalog backup whose job has ended: it is there by then, and told. */
async function recoveryFileOf({ ports }: BootedServer, jobId: string): Promise<string> {
  for await (const { text } of ports.jobs.log({ jobId })) {
    const path = /^the recovery file is (.*);/.exec(text)?.[1]
    if (path !== undefined && existsSync(path)) return path
  }
  throw new Error('no recovery file was told')
}

t.test('the machine is lost, and comes back from a recovery file and the second disk', async (t) => {
  const root = scratch('machine-lost')
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const [state, secondDisk, catalogBackup] = ['state', 'disk2', 'recovery'].map((name) =>
    join(root, name),
  ) as [string, string, string]
  const settings = { tries: 1, secondDisk, catalogBackup }
  const sources = ['one', 'two'].map((name) => join(root, name)) as [string, string]
  for (const [index, source] of sources.entries()) {
    mkdirSync(source)
    makeTree(source, { seed: index + 1, deep: false })
  }
  let server = await boot(state, { settings })
  for (const [index, source] of sources.entries())
    await server.ports.scheduler.putPolicy({ policy: policyOf(`policy-${index}`, source) })
  await server.ports.scheduler.putPolicy({ policy: policyOf('catalog', join(catalogBackup, 'snapshot')) })

  const first = await run(server, 'policy-0')
  snapshotTree(sources[0], join(root, 'as-it-was'))
  writeFileSync(join(sources[0], 'later'), 'later')
  const jobs = [first, await run(server, 'policy-0', 'differential'), await run(server, 'policy-1')]
  t.ok(jobs.every(({ status }) => (status ?? 9) <= 1))
  const told = await run(server, 'catalog')
  t.equal(told.status, 0, told.statusText ?? '')
  const early = await recoveryFileOf(server, told.id)
  t.notOk(existsSync(join(catalogBackup, 'snapshot')), 'the snapshot is taken away after it')
  const again = await run(server, 'catalog', 'differential')
  t.equal(again.status, 0, again.statusText ?? '')
  const file = await recoveryFileOf(server, again.id)
  t.not(file, early)
  const before = await collect(server.ports.catalog.listImages({}))
  const policies = await collect(server.ports.scheduler.policies({}))
  await server.stop()

  await t.rejects(recover({ recoveryFile: file, state }), { code: 'target-exists' }, 'nothing is replaced')
  const damaged = join(root, 'damaged.json')
  writeFileSync(damaged, readFileSync(file, 'utf8').replace('"disk2"', '"disk1"'))
  await t.rejects(recover({ recoveryFile: damaged, state }), { code: 'store-corrupt' })
  rmSync(state, { recursive: true })

  // A recovery that was killed has left something beside it.
  mkdirSync(join(`${state}.recovering`, 'state'), { recursive: true })
  const moved = join(root, 'moved')
  renameSync(secondDisk, moved)
  const recovered = await runExample('--recover', file, '--recover-from', moved, '--state', state)
  t.match(recovered, { code: 0, stdout: /is as the catalog backup of 20/ }, recovered.stderr)
  t.same(
    readdirSync(root).filter((name) => name.includes('recovering')),
    [],
  )
  server = await boot(state, { settings: { ...settings, secondDisk: moved } })
  t.teardown(() => server.stop())
  const ids = (images: typeof before): string[] => images.map(({ backupId }) => backupId).sort()
  t.same(ids(await collect(server.ports.catalog.listImages({}))), ids(before), 'every image is known')
  t.same(await collect(server.ports.scheduler.policies({})), policies, 'and every policy')
  const target = join(root, 'restored')
  t.match(await restoreTo(server, sources[0], first.backupId ?? '', target), { status: 0 })
  t.same(compareTrees(join(root, 'as-it-was'), target, { allocation: false }), [], 'an older restore point')
  t.match(await run(server, 'policy-0', 'differential'), { status: 0 }, 'backups go on')
  t.match(await run(server, 'catalog'), { status: 0 }, 'those of the catalog too')

  const byHand = join(root, 'by-hand')
  mkdirSync(byHand)
  const fragment = (
    JSON.parse(readFileSync(early, 'utf8')) as {
      recovery: { fragments: { file: string }[] }
    }
  ).recovery
  execFileSync(
    'tar',
    ['-xf', join(moved, fragment.fragments[0]?.file ?? ''), '-C', byHand, '--ignore-zeros'],
    { stdio: 'ignore' },
  )
  const found = readdirSync(byHand, { recursive: true, encoding: 'utf8' })
  t.ok(
    found.some((name) => name.endsWith('database.nbdump')),
    'tar alone reads it too',
  )
})

t.test(
  'a backup of the catalog to a disk within the state says that it is of no use when that is lost',
  async (t) => {
    const root = scratch('catalog-within-state')
    t.teardown(() => rmSync(root, { recursive: true, force: true }))
    const [state, catalogBackup] = [join(root, 'state'), join(root, 'recovery')]
    const warnings: string[] = []
    const server = await boot(state, {
      settings: { tries: 1, catalogBackup },
      warn: (text) => void warnings.push(text),
    })
    t.teardown(() => server.stop())
    const policy = {
      ...policyOf('catalog', join(catalogBackup, 'snapshot')),
      storage: { kind: 'any' } as const,
    }
    await server.ports.scheduler.putPolicy({ policy })
    const { id, status } = await run(server, 'catalog')
    t.equal(status, 0)
    await recoveryFileOf(server, id)
    t.match(warnings, [/storage unit disk1 lies in the state folder .*state: what loses the state loses/])
    const lines = await collect(server.ports.jobs.log({ jobId: id }))
    t.ok(lines.some(({ severity, text }) => severity === 'warning' && text === warnings[0]))
  },
)

t.test('a recovery that cannot be is refused with its remedy, and touches nothing', async (t) => {
  const root = scratch('no-recovery')
  const recovery: Recovery = {
    writtenAt: '2026-01-01T00:00:00.000Z',
    server: clientName,
    backupId: `${clientName}_1767225600`,
    client: clientName,
    images: [`${clientName}_1767225600`],
    snapshot: '/srv/recovery/snapshot',
    storageUnit: 'disk2',
    unitFolder: join(root, 'disk2'),
    fragments: [{ file: join(clientName, `${clientName}_1767225600`, '1-000001.nbf'), streamBytes: 1 }],
    policies: [],
  }
  const recoveryFile = await writeRecoveryFile(systemFiles(), join(root, 'recovery'), recovery, {
    recover: 'npm start -- --recover',
    start: (folder) => `npm start -- --serve --state STATE --second-disk ${folder}`,
  })
  const [state, other, unit] = [join(root, 'state'), join(root, 'other'), join(root, 'disk2')]
  const refused = (code: string, message: RegExp, input: Partial<Parameters<typeof recover>[0]> = {}) =>
    t.rejects(recover({ recoveryFile, state, ...input }), { code, message })

  writeFileSync(state, 'precious')
  await refused('target-exists', /is a file; name a folder that is empty or not there/)
  t.equal(readFileSync(state, 'utf8'), 'precious', 'a file in the place of the state stays')
  symlinkSync(root, other)
  await refused('target-exists', /is a symbolic link/, { state: other })
  rmSync(other)
  mkdirSync(`${other}.recovering`)
  writeFileSync(join(`${other}.recovering`, 'mine'), 'precious')
  await refused('target-exists', /mine is in the way/, { state: other })
  t.ok(existsSync(join(`${other}.recovering`, 'mine')), 'so does what is where it would be made')
  rmSync(`${other}.recovering`, { recursive: true })

  const missing =
    /1767225600 of the catalog backup is not there: mount the disk of storage unit disk2 at .*--recover-from/
  await refused('fragment-missing', missing, { state: other })
  t.notOk(existsSync(unit), 'no folder is made for a disk that is not there')
  mkdirSync(unit)
  await refused('fragment-missing', missing, { state: other })
  t.same(readdirSync(unit), [], 'and no storage unit in an empty one')
  mkdirSync(join(unit, clientName, recovery.backupId), { recursive: true })
  await refused('fragment-missing', /1-000001\.nbf of the catalog backup/, { state: other })
  writeFileSync(join(unit, recovery.fragments[0]?.file ?? ''), 'x')
  await refused('media-open-failed', /but no \.nb-disk\.json/, { state: other })
  t.notOk(existsSync(other))

  const { unitFolder: _, ...elsewhere } = recovery
  const ofMaster = await writeRecoveryFile(
    systemFiles(),
    join(root, 'of-a-master'),
    { ...elsewhere, mediaServer: 'media1' },
    { recover: 'master-server --recover', start: () => 'master-server' },
  )
  await refused('value-missing', /--recover-from DIR .* disk2 is here; it belongs to media server media1/, {
    recoveryFile: ofMaster,
    state: other,
  })
  t.match(
    readFileSync(ofMaster.replace(/json$/, 'txt'), 'utf8'),
    /disk2 of media server media1, whose folder/,
  )

  await refused('argument-invalid', /no regular file/, { state: other, recoveryFile: '/dev/zero' })
  const large = join(root, 'large.json')
  writeFileSync(large, '')
  truncateSync(large, 2 ** 34)
  await refused('argument-invalid', /a recovery file at most 16777216/, { state: other, recoveryFile: large })

  const run = await runExample('--recover', recoveryFile, '--state', state)
  t.match(run, { code: 1, stderr: /^\nstatus 5: --state .* is a file; .*nothing there is replaced\n$/ })
  t.match(await runExample('--recover', recoveryFile, '--state', other, '--serve'), {
    code: 2,
    stderr: /leave --serve away/,
  })
  t.match(await runExample('--recover', recoveryFile, '--state', other, '--second-disk', unit), { code: 2 })
})
