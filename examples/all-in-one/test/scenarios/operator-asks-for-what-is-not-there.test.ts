import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RestoreRequest, toPath } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { clientName } from '../../src/compose.ts'
import { boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { backUp, manualPolicy } from '../support/site.ts'

t.setTimeout(110_000)

t.test('policies, schedules, clients and jobs that are not there', async (t) => {
  const root = scratch('not-there')
  const source = join(root, 'source')
  mkdirSync(source)
  const server = await boot(join(root, 'state'))
  t.teardown(() => server.stop())
  const { scheduler, jobs } = server.ports

  await t.rejects(scheduler.runNow({ policy: 'nightly' }), {
    code: 'policy-unknown',
    status: 230,
    message: /nightly/,
  })
  await t.rejects(scheduler.removePolicy({ name: 'nightly' }), { code: 'policy-unknown', status: 230 })
  await scheduler.putPolicy({ policy: manualPolicy(source) })
  const run = (changes: { readonly schedule?: string; readonly client?: string }) =>
    scheduler.runNow({ policy: 'manual', ...changes })
  await t.rejects(run({ schedule: 'hourly' }), { code: 'schedule-unknown', status: 240, message: /hourly/ })
  await t.rejects(run({ client: 'elsewhere' }), {
    code: 'client-not-in-policy',
    status: 239,
    message: /elsewhere/,
  })
  const stranger = { ...manualPolicy(source), name: 'strangers', clients: ['stranger'] }
  await scheduler.putPolicy({ policy: stranger })
  const { jobIds } = await scheduler.runNow({ policy: 'strangers' })
  const job = await jobs.wait({ jobId: jobIds[0] ?? '' })
  t.match(job, { status: 48, statusText: /stranger/ }, 'a client that no media server reaches')
  const inactive = { ...manualPolicy(source), name: 'inactive', active: false }
  await scheduler.putPolicy({ policy: inactive })
  await t.rejects(scheduler.runNow({ policy: 'inactive' }), { code: 'policy-inactive', status: 247 })

  const unknown = { code: 'job-unknown', status: 805, message: /4711/ }
  t.equal(await jobs.get({ jobId: '4711' }), undefined)
  await t.rejects(jobs.wait({ jobId: '4711' }), unknown)
  await t.rejects(jobs.cancel({ jobId: '4711' }), unknown)
  await t.rejects(jobs.explain({ jobId: '4711' }), unknown)
  await t.rejects(collect(jobs.log({ jobId: '4711' })), unknown)
  t.same(await collect(server.ports.broker.grants({})), [], 'nothing is held')
})

t.test('a selection that is not on the client', async (t) => {
  const root = scratch('no-selection')
  const server = await boot(join(root, 'state'))
  t.teardown(() => server.stop())
  const job = await backUp(server, join(root, 'gone'), 'full')
  t.match(job, { status: 71, statusText: /gone|selection/ })
  const states = ['complete', 'in-progress', 'discarded'] as const
  t.same(await collect(server.ports.catalog.listImages({ states })), [], 'no image')
})

t.test('restores of what is not there', async (t) => {
  const root = scratch('no-image')
  const source = join(root, 'source')
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'a')
  const server = await boot(join(root, 'state'))
  t.teardown(() => server.stop())
  const { restores, jobs } = server.ports
  const ask = (changes: Partial<RestoreRequest>) =>
    restores.submit({
      requestId: randomUUID(),
      from: { client: clientName },
      paths: [toPath(source)],
      target: { kind: 'directory', directory: toPath(join(root, 'target')) },
      ...changes,
    })
  await t.rejects(ask({}), { code: 'no-image-matches', status: 190 }, 'before anything was backed up')
  const { backupId } = await backUp(server, source, 'full')
  const before = Date.now() - 86_400_000
  const from = { client: clientName, backupId: 'nobody_1' }
  await t.rejects(
    ask({ from }),
    { code: 'no-image-matches', status: 190, message: /nobody_1/ },
    'an image that is not there',
  )
  await t.rejects(
    ask({ from: { client: clientName, at: before } }),
    { code: 'no-image-matches' },
    'of yesterday',
  )
  await t.rejects(ask({ from: { client: 'elsewhere' } }), { code: 'no-image-matches' }, 'of another client')
  const none = toPath(join(source, 'none'))
  await t.rejects(ask({ paths: [none] }), { code: 'path-not-backed-up', status: 142, message: /none/ })
  await t.rejects(ask({ paths: [] }), { code: 'value-missing', status: 152 })
  const climbing = { kind: 'directory', directory: toPath(`${root}/../x`) } as const
  await t.rejects(ask({ target: climbing }), { code: 'argument-invalid', status: 20 })
  await t.rejects(
    ask({ destinationClient: 'stranger', from: { client: clientName, backupId: backupId ?? '' } }),
    { code: 'client-unknown', status: 48, message: /stranger/ },
    'a client to restore to',
  )
  const restoreJobs = await collect(jobs.list({ types: ['restore'] }))
  t.same(restoreJobs, [], 'no job was made for any of them')
})
