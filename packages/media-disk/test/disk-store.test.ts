import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type FragmentRecord, systemClock, systemFiles } from '@nb/contracts'
import t from 'tap'
import { type DiskStore, MARKER_NAME, createDiskStore, systemFolderLock } from '../src/index.ts'
import { allocationOf, namesBelow, setupDisk } from './fixture.ts'

interface SaidOfDisk {
  readonly storageUnit?: string
  readonly mustExist?: boolean
  readonly mediaServer?: string
}

function diskAt(directory: string, options: SaidOfDisk = {}): DiskStore {
  return createDiskStore(
    { files: systemFiles(), clock: systemClock(), lock: systemFolderLock() },
    { storageUnit: 'disk1', directory, ...options },
  )
}

t.test('the first start marks the directory, later ones know it', async (t) => {
  const directory = `${t.testdir()}/deep/below/unit`
  const first = diskAt(directory)
  await first.start()
  await first.stop()
  const marker = readFileSync(`${directory}/${MARKER_NAME}`, 'utf8')
  t.match(JSON.parse(marker), { format: 'nb-disk-unit/1', storageUnit: 'disk1' })
  await diskAt(directory, { mustExist: true }).start()
  t.equal(readFileSync(`${directory}/${MARKER_NAME}`, 'utf8'), marker)
})

t.test('a directory of another storage unit, or of someone else, is refused', async (t) => {
  const directory = t.testdir({ foreign: { 'data.txt': 'mine' }, file: '', garbled: { [MARKER_NAME]: '{' } })
  const unit = diskAt(`${directory}/unit`)
  await unit.start()
  await unit.stop()
  const refused = { code: 'media-open-failed', status: 83 }
  await t.rejects(diskAt(`${directory}/unit`, { storageUnit: 'disk2' }).start(), {
    ...refused,
    message: /belongs to storage unit disk1/,
  })
  await t.rejects(diskAt(`${directory}/foreign`).start(), {
    ...refused,
    message: /other content \(data.txt\)/,
  })
  await t.rejects(diskAt(`${directory}/file`).start(), { ...refused, message: /not a directory/ })
  await t.rejects(diskAt(`${directory}/garbled`).start(), { ...refused, message: /cannot read/ })
  t.notOk(existsSync(`${directory}/foreign/${MARKER_NAME}`))
})

t.test(
  "a directory is one media server's: nobody's is taken, another's refused until it is taken over",
  async (t) => {
    const directory = `${t.testdir()}/unit`
    const ownerIn = (): unknown =>
      (JSON.parse(readFileSync(`${directory}/${MARKER_NAME}`, 'utf8')) as { mediaServer?: unknown })
        .mediaServer
    const run = async (mediaServer?: string, before?: (disk: DiskStore) => Promise<void>): Promise<void> => {
      const disk = diskAt(directory, mediaServer === undefined ? {} : { mediaServer })
      await before?.(disk)
      await disk.start().finally(() => disk.stop())
    }
    await run()
    t.equal(ownerIn(), undefined, 'as earlier versions have left it')
    const { created } = JSON.parse(readFileSync(`${directory}/${MARKER_NAME}`, 'utf8')) as { created: string }
    await run('media1')
    t.equal(ownerIn(), 'media1')
    await run('media1')
    mkdirSync(`${directory}/web1/web1_1`, { recursive: true })
    writeFileSync(`${directory}/web1/web1_1/1-000001.nbf.tmp`, 'being written')
    const refused = {
      ...{ code: 'media-open-failed', status: 83, retryable: false },
      message: /unit belongs to media server media1, and this is media2/,
      details: { owner: 'media1', mediaServer: 'media2', storageUnit: 'disk1', path: directory },
    }
    await t.rejects(run('media2'), refused)
    await t.rejects(diskAt(directory, { mediaServer: 'media2', mustExist: true }).initialise(), refused)
    await t.rejects(diskAt(directory, { mediaServer: 'media2' }).space(), refused)
    t.ok(existsSync(`${directory}/web1/web1_1/1-000001.nbf.tmp`), 'nothing is removed')
    await t.rejects(
      run('media2', (disk) => disk.start().then(() => disk.takeOver())),
      refused,
    )
    await run('media2', (disk) => disk.takeOver())
    t.match(JSON.parse(readFileSync(`${directory}/${MARKER_NAME}`, 'utf8')), {
      mediaServer: 'media2',
      created,
    })
    t.notOk(existsSync(`${directory}/web1/web1_1/1-000001.nbf.tmp`))
    await t.rejects(run('media1'), { message: /belongs to media server media2/ })
    await run()
    t.equal(ownerIn(), 'media2')
  },
)

t.test("a directory is one process's at a time, from start to stop", async (t) => {
  const directory = `${t.testdir()}/unit`
  const [first, second] = [
    diskAt(directory, { mediaServer: 'media1' }),
    diskAt(directory, { mediaServer: 'media1' }),
  ]
  await first.start()
  mkdirSync(`${directory}/web1/web1_1`, { recursive: true })
  writeFileSync(`${directory}/web1/web1_1/1-000001.nbf.tmp`, 'being written')
  const locked = {
    code: 'store-locked',
    status: 145,
    message: new RegExp(`in use by process ${process.pid}`),
  }
  await t.rejects(second.start(), locked)
  await t.rejects(second.takeOver(), locked)
  await t.rejects(second.removeImage({ backupId: 'web1_1' }), locked)
  t.ok(existsSync(`${directory}/web1/web1_1/1-000001.nbf.tmp`), 'nothing is removed')
  renameSync(directory, `${directory}-away`)
  mkdirSync(directory)
  writeFileSync(`${directory}/${MARKER_NAME}`, readFileSync(`${directory}-away/${MARKER_NAME}`))
  await first.removeImage({ backupId: 'web1_1' })
  await t.rejects(second.start(), locked, 'another file system that is mounted there is taken, too')
  await first.stop()
  await second.start()
  await second.stop()
})

t.test('a process that is killed leaves no lock', async (t) => {
  const directory = t.testdir()
  const module = new URL('../src/folder-lock.ts', import.meta.url).href
  const holds = `await (await import('${module}')).systemFolderLock().hold('${directory}'); console.log('held'); setInterval(() => 0, 1e6)`
  const child = spawn(
    process.execPath,
    ['--conditions=@nb/source', '--no-warnings', '--input-type=module', '-e', holds],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  )
  await once(child.stdout, 'data')
  const lock = systemFolderLock()
  await t.rejects(lock.hold(directory), { code: 'store-locked', details: { directory, pid: child.pid } })
  child.kill('SIGKILL')
  await once(child, 'close')
  await lock.hold(directory)
  await lock.hold(directory)
  await lock.release()
  await t.rejects(lock.hold(`${directory}/absent`), { code: 'ENOENT' })
})

t.test('what somebody else has put beside the images of a storage unit is passed over', async (t) => {
  const disk = await setupDisk(t.testdir())
  writeFileSync(`${disk.directory}/stray`, 'mine')
  mkdirSync(`${disk.directory}/a-stray-folder`)
  t.same(await disk.store.removeImage({ backupId: 'web1_1' }), { fragments: 0, bytes: 0 })
  for await (const image of disk.store.storedImages()) t.fail(image.backupId)
  t.equal(readFileSync(`${disk.directory}/stray`, 'utf8'), 'mine')
})

t.test('a mount point without its disk is not written to', async (t) => {
  const disk = await setupDisk(t.testdir())
  renameSync(disk.directory, `${disk.directory}-away`)
  mkdirSync(disk.directory)
  const refused = { code: 'media-open-failed', message: /not mounted/ }
  const input = { allocation: disk.allocation('write'), jobId: '1', flow: 'backup' } as const
  await t.rejects(disk.store.mount(input), refused)
  await t.rejects(disk.store.removeImage({ backupId: 'web1_1' }), refused)
  await t.rejects(
    (async () => {
      for await (const image of disk.store.storedImages()) t.fail(image.backupId)
    })(),
    refused,
  )
  await t.rejects(diskAt(disk.directory, { mustExist: true }).start(), refused)
  t.same(namesBelow(disk.directory), [])
  rmSync(disk.directory, { recursive: true })
  await t.rejects(disk.store.mount(input), refused)
  t.notOk(existsSync(disk.directory))
})

t.test('a start removes what a writer that is gone has left', async (t) => {
  const disk = await setupDisk(t.testdir())
  const image = `${disk.directory}/web1/web1_1767225600`
  mkdirSync(image, { recursive: true })
  writeFileSync(`${image}/1-000001.nbf.tmp`, 'half')
  const kept = `${disk.directory}/web1/web1_1767225601`
  mkdirSync(kept)
  writeFileSync(`${kept}/1-000001.nbf`, 'whole')
  await disk.reopen()
  t.same(namesBelow(disk.directory), [
    MARKER_NAME,
    'web1',
    'web1/web1_1767225601',
    'web1/web1_1767225601/1-000001.nbf',
  ])
})

t.test('mounting leaves a line in the job detail', async (t) => {
  const disk = await setupDisk(t.testdir())
  await disk.store.mount({ allocation: disk.allocation('write'), jobId: '7', flow: 'backup' })
  await disk.store.mount({ allocation: disk.allocation('read'), jobId: '7', flow: 'restore' })
  t.match(disk.lines, [
    {
      component: 'media-disk',
      severity: 'info',
      step: { flow: 'backup', number: 10 },
      text: /disk1 is mounted/,
    },
    { component: 'media-disk', severity: 'info', step: { flow: 'restore', number: 12 } },
  ])
})

t.test('a medium that is unmounted is of no further use', async (t) => {
  const disk = await setupDisk(t.testdir())
  const medium = await disk.store.mount({ allocation: disk.allocation('write'), jobId: '1', flow: 'backup' })
  await medium.unmount()
  await t.rejects(
    medium.createFragment({
      backupId: 'web1_1',
      copy: 1,
      number: 1,
      streamOffset: 0,
      startsAtMember: true,
      client: 'web1',
      policy: 'p',
      schedule: 's',
      createdAt: 0,
    }),
    TypeError,
  )
})

t.test('space is that of the file system', async (t) => {
  const disk = await setupDisk(t.testdir())
  const { totalBytes, freeBytes } = await disk.store.space()
  t.ok(totalBytes > 0 && freeBytes >= 0 && freeBytes <= totalBytes)
  rmSync(`${disk.directory}/${MARKER_NAME}`)
  await t.rejects(disk.store.space(), { code: 'media-open-failed' }, 'not that below the mount point')
})

t.test('options are checked', (t) => {
  const components = { files: systemFiles(), clock: systemClock() }
  const good = { storageUnit: 'disk1', directory: '/srv/nb' }
  for (const bad of [
    { storageUnit: '' },
    { directory: 'relative' },
    { directory: '/' },
    { directory: '/srv/' },
    { blockBytes: 1000 },
    { blockBytes: 2 ** 27 },
  ])
    t.throws(() => createDiskStore(components, { ...good, ...bad }), TypeError, JSON.stringify(bad))
  t.end()
})

t.test('an allocation of a tape is not for a disk', async (t) => {
  const disk = await setupDisk(t.testdir())
  const medium = {
    kind: 'tape',
    maxFragmentBytes: 2 ** 30,
    drive: 'd',
    volumeId: 'A00001',
    volumePool: 'p',
  } as const
  const allocation = { ...allocationOf('write'), medium }
  await t.rejects(disk.store.mount({ allocation, jobId: '1', flow: 'backup' }), { code: 'media-open-failed' })
})

t.test(
  'a stray file beside the clients hides nothing: a fragment that is gone is told as such',
  async (t) => {
    const disk = await setupDisk(t.testdir())
    for (const name of ['stray', 'web1']) writeFileSync(`${disk.directory}/${name}`, 'of someone else')
    const medium = await disk.store.mount({
      allocation: disk.allocation('read'),
      jobId: '1',
      flow: 'restore',
    })
    const fragment = { number: 1, bytes: 512, streamOffset: 0, streamBytes: 512 } as unknown as FragmentRecord
    await t.rejects(medium.openFragment({ backupId: 'web1_1', copy: 1, fragment }), {
      code: 'fragment-missing',
    })
    t.equal(await medium.describeFragment({ backupId: 'web1_1', copy: 1, number: 1 }), undefined)
    t.same(await disk.store.removeImage({ backupId: 'web1_1' }), { fragments: 0, bytes: 0 })
    await disk.reopen()
    t.ok(existsSync(`${disk.directory}/stray`), 'it is left alone')
  },
)
