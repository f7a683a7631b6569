import type { Files } from '@nb/contracts'
import { createPowerLossStorage, createScriptedJobs, createVirtualClock } from '@nb/test-kit'
import { type PolicyDirectoryReport, createPolicyDirectory } from '../../src/policy-files/policy-directory.ts'
import { createScheduler } from '../../src/scheduler.ts'

export const directory = '/etc/nb/policies'

/** A scheduler and its folder on a disk of their own; `boot` starts both, as after a restart. */
export const site = (hit: () => boolean = () => false, decorate = (files: Files): Files => files) => {
  const clock = createVirtualClock()
  const storage = createPowerLossStorage({ faults: { hit, pending: [], assertAllHit: () => undefined } })
  const scripted = createScriptedJobs(clock)
  const log = { append: () => Promise.resolve() }
  const boot = async (database = 'master') => {
    const files = decorate(storage.files)
    const store = storage.database(database)
    const scheduler = createScheduler({ ...scripted, clock, log, store }, { timeZone: 'UTC' })
    const policies = createPolicyDirectory({ scheduler, files, clock, store }, { directory })
    const reports: PolicyDirectoryReport[] = []
    policies.on('directory:loaded', (report) => void reports.push(report))
    await scheduler.start()
    await policies.start()
    const stop = async () => {
      await policies.stop()
      await scheduler.stop()
    }
    return { scheduler, policies, reports, stop }
  }
  const write = async (name: string, text: string) => {
    const { files } = storage
    await files.makeDirectory(directory)
    await files.remove(`${directory}/${name}`)
    const file = await files.open(`${directory}/${name}`, 'create')
    await file.write(Buffer.from(text), 0)
    await file.sync()
    await file.close()
    for (const each of ['/', '/etc', '/etc/nb', directory]) await files.syncDirectory(each)
  }
  const read = async (name: string) => (await storage.files.readFile(`${directory}/${name}`))?.toString()
  const remove = async (name: string) => {
    await storage.files.remove(`${directory}/${name}`)
    await storage.files.syncDirectory(directory)
  }
  const list = () => storage.files.list(directory)
  return { clock, storage, boot, write, read, remove, list }
}
