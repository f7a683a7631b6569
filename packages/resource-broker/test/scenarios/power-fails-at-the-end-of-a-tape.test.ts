import type { Grant, ResourceRequest } from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import {
  collect,
  createFaultPlan,
  createPowerLossStorage,
  createVirtualClock,
  seededRandom,
} from '@nb/test-kit'
import t from 'tap'
import { createResourceBroker } from '../../src/index.ts'
import { propertyRuns } from '../property-runs.ts'

const place = { mediaServer: 'media1', density: 'hcart', robot: 'r1' } as const

const asked = (jobId: string, step: number, replaces?: string): ResourceRequest => ({
  requestId: `${jobId}/${step}`,
  jobId,
  jobType: 'backup',
  priority: 0,
  client: `c${jobId}`,
  limits: {},
  need: {
    kind: 'write',
    storage: { kind: 'unit', name: 'tape1' },
    volumePool: 'NetBackup',
    retentionLevel: 1,
    multiplexing: 2,
    ...(replaces === undefined ? {} : { replaces }),
  },
})

t.test(
  'whatever write the power fails at, a job has its volume or the next, and the same request tells which',
  async (t) => {
    const { numRuns: histories, seed } = propertyRuns(t, 40)
    const random = seededRandom(seed)
    let exchanges = 0
    for (let history = 0; history < histories; history++) {
      const faults = createFaultPlan([{ point: '*', occurrence: 50 + Math.floor(random() * 50) }])
      const storage = createPowerLossStorage({ faults, seed: Math.floor(random() * 2 ** 31) })
      const clock = createVirtualClock()
      const open = async () => {
        const database = storage.database('master')
        const media = createMediaManager({ store: database.sublevel('emm'), clock })
        const broker = createResourceBroker(
          { media, store: database.sublevel('leases'), clock },
          { maxJobsPerClient: 9 },
        )
        await media.start()
        await broker.start()
        return { media, broker }
      }
      const known = new Map<string, Grant>()
      const underWay = new Map<string, ResourceRequest>()
      try {
        const { media, broker } = await open()
        await media.putStorageUnit({
          name: 'tape1',
          type: 'tape',
          ...place,
          state: 'up',
          maxFragmentBytes: 2 ** 30,
          onDemandOnly: false,
          maxConcurrentDrives: 2,
          maxStreamsPerDrive: 2,
        })
        for (const name of ['d1', 'd2']) await media.putDrive({ name, ...place, state: 'up' })
        const { density, robot } = place
        for (let number = 1; number < 30; number++)
          await media.putVolume({
            volumeId: `A${number}`,
            density,
            robot,
            pool: 'NetBackup',
            state: 'active',
            mounts: 0,
          })
        for (let step = 0; step < 90; step++) {
          const jobId = `${Math.floor(random() * 4)}`
          const held = known.get(jobId)
          if (held !== undefined && random() < 0.2) {
            await broker.release({ leaseId: held.leaseId })
            known.delete(jobId)
            continue
          }
          const request = asked(jobId, step, held?.allocation.allocationId)
          underWay.set(jobId, request)
          // Whoever shares a drive waits until the others have come to the next volume too.
          const giveUp = new AbortController()
          const call = broker.acquire(request, { signal: giveUp.signal })
          call.catch(() => undefined)
          await broker.explain({ jobId })
          giveUp.abort()
          const grant = await call.catch((error: unknown) => {
            if ((error as { code?: string }).code === 'store-failed') throw error
            return undefined
          })
          if (grant !== undefined) known.set(jobId, grant)
          if (grant !== undefined && held !== undefined) exchanges += 1
          underWay.delete(jobId)
        }
      } catch (error) {
        if ((error as { code?: string }).code !== 'store-failed') throw error
      }
      if (!storage.lost) storage.lose()
      storage.restore()
      const { media, broker } = await open()
      const report = await broker.reconcile({ repair: false })
      if (report.orphanedAllocations.length + report.orphanedLeases.length > 0)
        t.same(report, {}, `history ${history}`)
      for (const [jobId, { leaseId, allocation }] of known) {
        const [now] = await collect(broker.grants({ jobId }))
        // One that was being given back may be gone.
        if (now === undefined) continue
        if (now.leaseId !== leaseId) t.fail(`history ${history}: job ${jobId} has another lease`)
        const again = underWay.get(jobId)
        if (now.allocation.allocationId === allocation.allocationId || again === undefined) continue
        t.equal(now.allocation.replaces, allocation.allocationId)
        t.same((await broker.acquire(again)).allocation, now.allocation, 'the same request tells of it')
      }
      for (const { leaseId } of await collect(broker.grants({}))) await broker.release({ leaseId })
      const left = await collect(media.allocations({}))
      if (left.length > 0) t.same(left, [], `history ${history}: all is given back`)
      await broker.stop()
      await media.stop()
    }
    t.ok(exchanges > histories, `${exchanges} exchanges`)
  },
)
