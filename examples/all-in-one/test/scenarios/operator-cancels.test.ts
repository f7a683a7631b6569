import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toPath } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { clientName } from '../../src/compose.ts'
import { boot } from '../support/boot.ts'
import { gatedFiles } from '../support/gated-files.ts'
import { scratch } from '../support/run-example.ts'
import { assertSound, backUp, manualPolicy } from '../support/site.ts'

t.setTimeout(110_000)

t.test('a backup is cancelled in the middle of its data', async (t) => {
  const root = scratch('cancel')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  for (let at = 0; at < 40; at++) writeFileSync(join(source, `file-${at}`), randomBytes(1024 * 1024))
  const gate = gatedFiles()
  const server = await boot(state, { files: gate.files })
  t.teardown(() => server.stop())
  const { jobs, scheduler, catalog } = server.ports
  await scheduler.putPolicy({ policy: manualPolicy(source) })

  const reached = gate.close()
  const { jobIds } = await scheduler.runNow({ policy: 'manual', schedule: 'full' })
  const jobId = jobIds[0] ?? ''
  await reached
  t.match(await jobs.get({ jobId }), { state: 'active' })
  await jobs.cancel({ jobId, reason: 'the window is needed' })
  t.match(await jobs.get({ jobId }), { cancelRequested: true })
  gate.open()
  const job = await jobs.wait({ jobId })
  t.match(job, { state: 'done', status: 150, statusText: /the window is needed/ })
  await assertSound(server, source, { snapshots: new Map(), reported: [], scratch: root })
  t.equal(await catalog.getImage({ backupId: job.backupId ?? '' }), undefined, 'nothing of the image')
  const left = readdirSync(join(state, 'disk1'), { recursive: true }).filter((name) =>
    String(name).includes('.nbf'),
  )
  t.same(left, [], 'no fragment')

  await jobs.cancel({ jobId })
  t.match(await jobs.get({ jobId }), { status: 150 }, 'cancelling it again changes nothing')
  const next = await backUp(server, source, 'full')
  t.equal(next.status, 0, 'the next backup succeeds')
  await jobs.cancel({ jobId: next.id })
  t.match(await jobs.get({ jobId: next.id }), { status: 0 }, 'a job that is done stays as it is')

  await t.test('so is a restore', async (t) => {
    const target = join(root, 'target')
    const { jobId } = await server.ports.restores.submit({
      requestId: randomUUID(),
      from: { client: clientName, backupId: next.backupId ?? '' },
      paths: [toPath(source)],
      target: { kind: 'directory', directory: toPath(target), strip: toPath(source) },
    })
    await jobs.cancel({ jobId })
    const restore = await jobs.wait({ jobId })
    t.match(restore, { state: 'done', status: 150 }, restore.statusText ?? '')
    const names = existsSync(target) ? readdirSync(target) : []
    t.same(
      names.filter((name) => !name.startsWith('file-')),
      [],
      'nothing half-written stays',
    )
    t.same(await collect(server.ports.broker.grants({})), [], 'nothing is held')
    t.same(await server.ports.mediaServer.sessions({}), [])
  })
})

t.test('a backup that waits for its turn is cancelled', async (t) => {
  const root = scratch('cancel-queued')
  const source = join(root, 'source')
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'a')
  const gate = gatedFiles()
  const server = await boot(join(root, 'state'), { files: gate.files })
  t.teardown(() => server.stop())
  const { jobs, scheduler } = server.ports
  await scheduler.putPolicy({ policy: { ...manualPolicy(source), maxJobs: 1 } })
  const reached = gate.close()
  const [first = ''] = (await scheduler.runNow({ policy: 'manual', schedule: 'full' })).jobIds
  await reached
  const [second = ''] = (await scheduler.runNow({ policy: 'manual', schedule: 'full' })).jobIds
  let why = await jobs.explain({ jobId: second })
  for (let turn = 0; turn < 1000 && !why.waiting; turn++) {
    await new Promise(setImmediate)
    why = await jobs.explain({ jobId: second })
  }
  t.match(why, { waiting: true, sentence: /manual/ }, why.sentence)
  await jobs.cancel({ jobId: second })
  t.match(await jobs.wait({ jobId: second }), { status: 150, state: 'done' })
  gate.open()
  t.match(await jobs.wait({ jobId: first }), { status: 0 }, 'the other is not disturbed')
})
