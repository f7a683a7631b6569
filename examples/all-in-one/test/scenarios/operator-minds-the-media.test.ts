import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mediaServerName } from '../../src/compose.ts'
import { boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { manualPolicy } from '../support/site.ts'
import { terminalOf } from '../support/terminal.ts'

t.setTimeout(110_000)

t.test('drives and volumes are minded from a terminal: down, errors, frozen, and the way back', async (t) => {
  const root = scratch('media')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  const server = await boot(state)
  t.teardown(() => server.stop())
  const { nb, values, until, stop } = await terminalOf(server, state)
  t.teardown(stop)
  const { media, scheduler } = server.ports
  await media.putRobot({ name: 'tld0', state: 'up' })
  await media.putStorageUnit({
    type: 'tape',
    name: 'tape1',
    mediaServer: mediaServerName,
    state: 'up',
    density: 'hcart',
    robot: 'tld0',
    maxConcurrentDrives: 1,
    maxFragmentBytes: 2 ** 30,
    onDemandOnly: true,
  })
  const density = 'hcart'
  await media.putDrive({ name: 'drive0', mediaServer: mediaServerName, density, robot: 'tld0', state: 'up' })
  const volume = { density, pool: 'NetBackup', robot: 'tld0', state: 'active', mounts: 0 } as const
  await media.putVolume({ ...volume, volumeId: 'A00001', slot: 1 })
  await media.putVolume({ ...volume, volumeId: 'A00002', slot: 2 })

  t.match(
    (await nb('storage')).out,
    /disk1 +disk +local +up +4 jobs[^]*tape1 +tape hcart +local +up +1 drive/,
  )
  t.match((await nb('media-servers')).out, /local +up +no limit/)
  t.match((await nb('drives')).out, /drive0 +hcart +local +tld0 +TLD /)

  t.match(await nb('drive', 'down', 'drive0', '--reason', 'its door is stuck'), { code: 0 })
  t.match((await nb('drives')).out, /DOWN-TLD .*its door is stuck/)
  const policy = { ...manualPolicy(source), storage: { kind: 'unit', name: 'tape1' } } as const
  await scheduler.putPolicy({ policy })
  const jobId = (await nb('backup', 'manual', '--schedule', 'full')).out.replace('job ', '').trim()
  await until(new RegExp(`${jobId} +backup .*drive drive0`), 'queue')
  t.match((await nb('why', jobId)).out, /drive drive0.*, reason 830\n +goes on when /)
  t.match(await nb('cancel', jobId), { code: 0 })
  await until(/^status +150: /m, 'job', jobId)
  await nb('drive', 'up', 'drive0')
  t.match((await nb('drives')).out, /TLD/)

  await media.assignImage({ volumeId: 'A00001', backupId: 'web1_1', retentionLevel: 3 })
  for (let error = 0; error < 3; error++)
    await media.reportError({ drive: 'drive0', volumeId: 'A00001', kind: 'write' })
  t.equal((await values('errors', '--volume', 'A00001')).length, 3)
  const frozen = await until(/A00001 .*(frozen|suspended)/, 'volumes')
  t.match(frozen, /A00001 .*\b3\b/, 'the volume is assigned')
  t.match((await nb('volume', 'images', 'A00001')).out, /web1_1 .*not in the catalog/)
  await nb('errors', '--volume', 'A00001', '--forget')
  t.same(await values('errors', '--volume', 'A00001'), [])
  t.match(await nb('volume', 'unfreeze', 'A00001', '--reason', 'the drive was cleaned'), { code: 0 })
  t.match(await values('volumes', 'A00001'), [{ state: 'active' }])

  t.match(await nb('volume', 'freeze', 'A00001', 'A00002', '--reason', 'to be looked at'), {
    code: 1,
    out: 'volume A00001: is frozen, to be looked at\n',
    err: /A00002.*\(state-conflict\)/,
  })
  t.match(await values('volumes', '--state-is', 'frozen'), [{ volumeId: 'A00001' }])
  t.match(await nb('pool', 'set', 'spare', '--scratch'), { code: 0 })
  t.match((await nb('pools')).out, /NetBackup +no +1 +0 +1/)
  t.match(await nb('robot', 'down', 'tld0', '--reason', 'inventory'), { code: 0 })
  t.match((await nb('robots')).out, /tld0 +down +inventory/)
})

t.test('a group of storage units chooses, and what an operator set stays over a restart', async (t) => {
  const root = scratch('group')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  const server = await boot(state)
  const first = await terminalOf(server, state)
  t.match(await first.nb('group', 'set', 'disks', 'disk1', '--selection', 'round-robin'), { code: 0 })
  t.match(await first.nb('storage', 'set', 'disk1', '--max-jobs', '1'), { code: 0, out: /1 job at once/ })
  t.match(await first.nb('media-server', 'set', 'local', '--max-jobs', '2'), { code: 0 })
  const policy = { ...manualPolicy(source), storage: { kind: 'group', name: 'disks' } } as const
  await server.ports.scheduler.putPolicy({ policy })
  t.match(await first.nb('backup', 'manual', '--wait'), { code: 0, out: /status 0/ })
  t.match(await first.nb('storage', 'down', 'disk1', '--reason', 'file system check'), { code: 0 })
  await first.stop()
  await server.stop()

  const later = await boot(state)
  t.teardown(() => later.stop())
  const { nb, stop } = await terminalOf(later, state)
  t.teardown(stop)
  t.match(
    (await nb('storage')).out,
    /disk1 .* down +1 job .*file system check\n\nGROUP[^]*disks +round-robin +disk1/,
  )
  t.match((await nb('media-servers')).out, /local +up +2/)
})
