import { type Files, type OpenFile, systemFiles } from '@nb/contracts'
import { type FaultPlan, createFaultPlan } from '@nb/test-kit'
import t from 'tap'
import { namesBelow, setupDisk } from '../fixture.ts'

/** A file system that has no room at the moments planned. */
function crowded(plan: () => FaultPlan): Files {
  const real = systemFiles()
  const pass = (point: string): void => {
    if (plan().hit(point)) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  }
  const wrap = (file: OpenFile): OpenFile => ({
    ...file,
    write: async (...input) => {
      pass('write')
      return file.write(...input)
    },
    sync: async () => {
      pass('sync')
      return file.sync()
    },
  })
  return {
    ...real,
    open: async (...input) => {
      pass('open')
      return wrap(await real.open(...input))
    },
    rename: async (...input) => {
      pass('rename')
      return real.rename(...input)
    },
    makeDirectory: async (path) => {
      pass('makeDirectory')
      return real.makeDirectory(path)
    },
    syncDirectory: async (path) => {
      pass('syncDirectory')
      return real.syncDirectory(path)
    },
  }
}

const moments = [
  { name: 'the directory is made', point: 'makeDirectory', occurrence: 1 },
  { name: 'the file is made', point: 'open', occurrence: 1 },
  { name: 'the header is written', point: 'write', occurrence: 1 },
  { name: 'data is written', point: 'write', occurrence: 3 },
  { name: 'the trailer is written', point: 'write', occurrence: 6 },
  { name: 'the file is made durable', point: 'sync', occurrence: 1 },
  { name: 'the file gets its name', point: 'rename', occurrence: 1 },
  { name: 'the name is made durable', point: 'syncDirectory', occurrence: 3 },
]

for (const { name, point, occurrence } of moments) {
  t.test(`the disk is full when ${name}`, async (t) => {
    let plan = createFaultPlan([])
    const disk = await setupDisk(t.testdir(), { files: crowded(() => plan) })
    const medium = await disk.store.mount({
      allocation: disk.allocation('write'),
      jobId: '1',
      flow: 'backup',
    })
    const write = async (): Promise<unknown> => {
      const writer = await medium.createFragment({
        backupId: 'web1_1767225600',
        copy: 1,
        number: 1,
        streamOffset: 0,
        startsAtMember: true,
        client: 'web1',
        policy: 'p',
        schedule: 's',
        createdAt: 0,
      })
      for (let chunk = 0; chunk < 4; chunk++) await writer.write(Buffer.alloc(262_144, chunk))
      return writer.commit({ image: {}, fileList: [], endsAtMember: true, last: true })
    }
    plan = createFaultPlan([{ point, occurrence }])
    await t.rejects(write(), {
      code: 'disk-full',
      status: 129,
      retryable: true,
      message: /disk1 is full/,
      details: { storageUnit: 'disk1', systemCode: 'ENOSPC' },
    })
    plan.assertAllHit()
    t.same(
      namesBelow(disk.directory).filter((path) => path.includes('.nbf')),
      [],
      'the partial fragment is gone',
    )
    t.match(await write(), { number: 1, streamBytes: 2 ** 20 }, 'with room again it goes on')
    await medium.unmount()
  })
}

t.test(
  'the disk is full when data is brought to it early, which the sync at the end would not tell',
  async (t) => {
    let plan = createFaultPlan([])
    const disk = await setupDisk(t.testdir(), { files: crowded(() => plan), writebackBytes: 2 ** 20 })
    const medium = await disk.store.mount({
      allocation: disk.allocation('write'),
      jobId: '1',
      flow: 'backup',
    })
    const write = async (chunks: number): Promise<unknown> => {
      const writer = await medium.createFragment({
        backupId: 'web1_1767225600',
        copy: 1,
        number: 1,
        streamOffset: 0,
        startsAtMember: true,
        client: 'web1',
        policy: 'p',
        schedule: 's',
        createdAt: 0,
      })
      for (let chunk = 0; chunk < chunks; chunk++) await writer.write(Buffer.alloc(262_144, chunk))
      return writer.commit({ image: {}, fileList: [], endsAtMember: true, last: true })
    }
    // Four chunks: it fails while the trailer is written. Forty: in the middle of the data, and nothing more is written.
    for (const chunks of [4, 40]) {
      plan = createFaultPlan([{ point: 'sync', occurrence: 1 }])
      await t.rejects(write(chunks), { code: 'disk-full', status: 129, message: /disk1 is full/ })
      plan.assertAllHit()
      t.same(
        namesBelow(disk.directory).filter((path) => path.includes('.nbf')),
        [],
        'the partial fragment is gone',
      )
    }
    t.match(await write(40), { number: 1, streamBytes: 40 * 262_144 }, 'with room again it goes on')
    await medium.unmount()
  },
)
