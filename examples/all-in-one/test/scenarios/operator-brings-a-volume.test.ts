import { join } from 'node:path'
import { duplicateJobRequest, type Job, verifyJobRequest } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { storageUnit } from '../../src/compose.ts'
import { bootEmulated, emulatedLibrary } from '../support/emulated-library.ts'
import { scratch } from '../support/run-example.ts'
import { restoreTo } from '../support/site.ts'
import { backUpToTape, begin, randomFiles, tapePolicy } from '../support/tape-site.ts'
import { terminalOf } from '../support/terminal.ts'
import { logOf } from '../support/whole-catalog.ts'

t.setTimeout(110_000)
// A server has a socket that keeps its process alive while all that it has is timers.
const alive = setInterval(() => {}, 2 ** 30)
t.teardown(() => clearInterval(alive))

t.test('jobs ask for volumes that are in no robot, until they are brought or denied', async (t) => {
  const root = scratch('bring')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  randomFiles(source, 2, 300_000)
  const library = await emulatedLibrary()
  const first = await bootEmulated(state, library)
  const backup = await backUpToTape(first, tapePolicy('policy', source))
  t.equal(backup.status, 0)
  const image = await first.ports.catalog.getImage({ backupId: backup.backupId ?? '' })
  if (image === undefined) throw new Error('there is no image')
  const volumeId = image.copies[0]?.fragments[0]?.volumeId ?? ''
  const { nb, until, values, stop } = await terminalOf(first, state)
  const takeAway = async (): Promise<void> => {
    t.match(await nb('volume', 'eject', volumeId), { code: 0 })
    await library.operator.takeFromMail({ mailSlot: 1 })
  }
  await takeAway()
  t.match(await nb('requests'), { code: 0, out: '', err: /no job waits for a volume/ })

  t.comment('a restore waits for it, and is answered by bringing it')
  const target = join(root, 'restored')
  const restore = restoreTo(first, source, image.backupId, target)
  await until(new RegExp(`restore .* volume ${volumeId} +robot1 +hcart`), 'requests')
  const [asked] = await values('requests')
  t.match(asked, { jobType: 'restore', wanted: { volumeId, robot: 'robot1', pool: 'NetBackup' } })
  const { jobId } = asked as { readonly jobId: string }
  const why = await nb('why', jobId)
  t.match(
    why.out,
    `for volume ${volumeId}, which is not in robot robot1; job ${jobId} goes on when volume ${volumeId} is put into robot robot1`,
  )
  t.match(why.out, `  put it into a mail slot, unless it lies in one, and run: nb robot inject robot1`)
  await library.operator.putIntoMail({ volume: `${volumeId}L8` })
  t.match(await nb('robot', 'inject', 'robot1'), { code: 0, out: new RegExp(`^volume ${volumeId} `) })
  t.match(await restore, { status: 0, id: jobId })
  t.same(compareTrees(source, target), [])
  t.same(await values('requests'), [])

  t.comment('one that people have taken out behind our back is asked for when the robot does not find it')
  await takeAway()
  await first.ports.media.recordPlace({ volumeId, robot: 'robot1', slot: 1 })
  const surprised = restoreTo(first, source, image.backupId, join(root, 'surprised'))
  await until(new RegExp(`restore .* volume ${volumeId} `), 'requests')
  await library.operator.putIntoMail({ volume: `${volumeId}L8` })
  t.match(await nb('robot', 'inject', 'robot1'), { code: 0 })
  const found = await surprised
  t.equal(found.status, 0, found.statusText ?? '')
  t.match(
    await logOf(first, found),
    /can't be mounted: Volume .* is not in robot robot1.* Requesting it again/,
  )

  t.comment('one that is denied, and one that is cancelled')
  await takeAway()
  const denied = restoreTo(first, source, image.backupId, join(root, 'denied'))
  const waiting = async (): Promise<string> => {
    await until(/ restore /, 'requests')
    return ((await values('requests'))[0] as { readonly jobId: string }).jobId
  }
  t.match(await nb('request', 'deny', await waiting(), '--reason', 'the tape is lost'), {
    code: 0,
    out: /^job \d+: its request is denied\n$/,
  })
  const told = await denied
  t.match(told, { status: 906, statusText: new RegExp(`volume ${volumeId}: the tape is lost`) })
  t.match(await nb('request', 'deny', told.id), { code: 1, err: /asks for no volume.*\(not-found\)/ })
  const cancelled = restoreTo(first, source, image.backupId, join(root, 'cancelled'))
  await nb('cancel', await waiting())
  t.match(await cancelled, { status: 150 })
  t.same(await values('requests'), [])

  t.comment('what waits in the queue is asked for after a restart too')
  const verify = await first.ports.jobs.submit(verifyJobRequest(image, { requestId: 'v' }))
  await until(new RegExp(`^ *${verify.jobId} +verify .* volume ${volumeId} `, 'm'), 'requests')
  await stop()
  await first.stop()
  const second = await bootEmulated(state, library)
  t.teardown(() => second.stop())
  const later = await terminalOf(second, state)
  t.teardown(later.stop)
  await later.until(new RegExp(`^ *${verify.jobId} +verify .* volume ${volumeId} `, 'm'), 'requests')
  await library.operator.putIntoMail({ volume: `${volumeId}L8` })
  t.match(await later.nb('robot', 'inject', 'robot1'), { code: 0 })
  t.match(await second.ports.jobs.wait(verify), { status: 0 })

  t.comment('a verification and a copy too ask for what the robot does not find')
  const storage = { kind: 'unit', name: storageUnit } as const
  for (const request of [
    verifyJobRequest(image, { requestId: 'v2' }),
    duplicateJobRequest(image, { requestId: 'd', storage }),
  ]) {
    t.match(await later.nb('volume', 'eject', volumeId), { code: 0 })
    await library.operator.takeFromMail({ mailSlot: 1 })
    await second.ports.media.recordPlace({ volumeId, robot: 'robot1', slot: 1 })
    const job = await second.ports.jobs.submit(request)
    await later.until(new RegExp(`^ *${job.jobId} +${request.type} .* volume ${volumeId} `, 'm'), 'requests')
    await library.operator.putIntoMail({ volume: `${volumeId}L8` })
    t.match(await later.nb('robot', 'inject', 'robot1'), { code: 0 })
    const { status, statusText } = await second.ports.jobs.wait(job)
    t.equal(status, 0, `${request.type}: ${statusText ?? ''}`)
  }
  t.same(await collect(second.ports.media.allocations({})), [], 'all is given back')
  const ended: readonly Job[] = await collect(second.ports.jobs.list({}))
  t.ok(ended.every(({ state: its }) => its === 'done'))
})

t.test('a volume that cancelled backups have filled is labelled anew for the next', async (t) => {
  const root = scratch('filled')
  const state = join(root, 'state')
  const sources = [0, 1, 2].map((index) => join(root, `source-${index}`))
  for (const source of sources) randomFiles(source, 4, 900_000)
  const small = join(root, 'small')
  randomFiles(small, 1, 10_000)
  const library = await emulatedLibrary({
    ...{ drives: 1, volumes: ['A00001L8'], capacityBytes: 6 << 20, earlyWarningBytes: 1 << 20 },
  })
  const server = await bootEmulated(state, library, { tape: { streamsPerDrive: 3 } })
  const { nb, until, values, stop } = await terminalOf(server, state)
  const jobIds = await Promise.all(
    sources.map((source, index) => begin(server, tapePolicy(`p${index}`, source, 3))),
  )
  for (const jobId of jobIds) await until(/ for a volume of pool NetBackup /, 'why', jobId)
  for (const jobId of jobIds) t.match(await nb('cancel', jobId), { code: 0 })
  for (const jobId of jobIds) t.match(await server.ports.jobs.wait({ jobId }), { status: 150 })
  const [given] = await values('volumes')
  t.match(given, { volumeId: 'A00001', state: 'active', assignedAt: undefined, files: undefined })
  const next = await backUpToTape(server, tapePolicy('next', small))
  t.equal(next.status, 0, next.statusText ?? '')
  t.match(await logOf(server, next), /volume A00001 is labelled in drive/)
  await stop()
  await server.stop()
})
