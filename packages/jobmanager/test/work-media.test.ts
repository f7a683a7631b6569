import assert from 'node:assert/strict'
import { type MediaNeed, type ResourceRequest, debugLogger } from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { createResourceBroker } from '@nb/resource-broker'
import { collect, createVirtualClock, numberSetting, seededRandom } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { HoldAndWait } from '../src/hold-and-wait.ts'
import { createLeaseKeeper } from '../src/leases.ts'
import { HOLD_AND_WAIT_MS, NEXT_VOLUME_MS, WorkMedia } from '../src/work-media.ts'

const seed = numberSetting('NB_SEED', 20_261_127)
const histories = process.env['NB_LONG'] === '1' ? 150 : 8
if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

type Site = Awaited<ReturnType<typeof tapeSite>>

const write = {
  kind: 'write',
  storage: { kind: 'unit', name: 'tape1' },
  volumePool: 'NetBackup',
  retentionLevel: 1,
} as const
/** Writes to SRC001, which nobody reads meanwhile. */
const ontoSource = { ...write, volumePool: 'Source' } as const
const read = (number: number) => ({ kind: 'read', storageUnit: 'tape1', volumeId: `SRC00${number}` }) as const

/** A broker and a media manager: as many drives in one robot, volumes to write to and volumes to read. */
async function tapeSite(drives: number) {
  const clock = createVirtualClock()
  const media = createMediaManager({ store: new MemoryLevel(), clock })
  await media.start()
  await media.putPool({ name: 'Source', scratch: false })
  const place = { mediaServer: 'media1', density: 'hcart', robot: 'robot1', state: 'up' } as const
  await media.putStorageUnit({
    ...place,
    name: 'tape1',
    type: 'tape',
    maxFragmentBytes: 2 ** 30,
    onDemandOnly: false,
    maxConcurrentDrives: drives,
  })
  for (let number = 1; number <= drives; number++) await media.putDrive({ ...place, name: `d${number}` })
  const volume = { density: 'hcart', robot: 'robot1', state: 'active', mounts: 0 } as const
  for (let number = 1; number <= 6; number++) {
    await media.putVolume({ ...volume, volumeId: `DST00${number}`, pool: 'NetBackup' })
    await media.putVolume({ ...volume, volumeId: `SRC00${number}`, pool: 'Source' })
  }
  const broker = createResourceBroker({ media, store: new MemoryLevel(), clock })
  await broker.start()
  const log = debugLogger('nb:test')
  const leases = createLeaseKeeper(broker, clock, log)
  const others = new HoldAndWait()
  const lines: string[] = []

  const request = (jobId: string, need: MediaNeed): ResourceRequest => ({
    requestId: `job-${jobId}`,
    jobId,
    jobType: 'duplicate',
    priority: 0,
    client: '-',
    limits: {},
    need,
  })

  /** A duplicate: its own grant, both media, some time of work, the end. */
  const duplicate = async (jobId: string, source: number, ms: number): Promise<void> => {
    const grant = await broker.acquire(request(jobId, write))
    leases.keep(grant, (reason) => assert.fail(reason))
    const giveBack = async (): Promise<void> => {
      leases.letGo(grant.leaseId)
      await broker.release({ leaseId: grant.leaseId })
    }
    const work = new WorkMedia(
      { broker, leases, clock, log, media },
      {
        jobId,
        type: 'duplicate',
        client: '-',
        attempt: 1,
        parameters: {},
        need: write,
        allocation: grant.allocation,
        giveBack,
        signal: new AbortController().signal,
        say: async (text) => void lines.push(`${jobId}: ${text}`),
        progress: () => undefined,
      },
      others,
    )
    const both = await work.both(write, read(source))
    assert.equal(both.write.purpose, 'write')
    assert.deepEqual(
      both.read.medium.kind === 'tape' && both.read.medium.volumeId,
      `SRC00${source}`,
      'what was asked for',
    )
    await clock.sleep(ms)
    await work.end()
    await giveBack()
  }

  /** Lets time pass until all have ended, at most as long. */
  const until = async (jobs: readonly Promise<unknown>[], mostMs: number): Promise<void> => {
    const from = clock.now()
    let isOver = false
    const all = Promise.all(jobs).finally(() => (isOver = true))
    all.catch(() => undefined)
    for (; !isOver && clock.now() - from < mostMs; await sleep(1)) await clock.advance(10_000)
    if (isOver) await all
    assert.ok(isOver, `not over after ${mostMs / 1000} s:\n${lines.join('\n')}`)
  }
  const stop = async (): Promise<void> => {
    assert.deepEqual(await collect(media.allocations({})), [], 'all is given back')
    await broker.stop()
    await media.stop()
  }
  return { clock, broker, lines, request, duplicate, until, stop }
}

const steppedBack = ({ lines }: Site): readonly string[] =>
  lines.filter((line) => line.includes('is given back until it is')).map((line) => line.split(':')[0] ?? '')

/** Waits until so many jobs have asked for their second medium; no time passes. */
async function asked({ lines }: Site, jobs: number): Promise<void> {
  while (lines.filter((line) => line.includes('requesting resource')).length < jobs) await sleep(1)
}

t.test('of two that each hold one of two drives exactly one steps back, once', async (t) => {
  const site = await tapeSite(2)
  const copying = [site.duplicate('1', 1, 30_000), site.duplicate('2', 2, 30_000)]
  await asked(site, 2)
  await site.until(copying, 1_000_000)
  t.equal(steppedBack(site).length, 1, site.lines.join('\n'))
  await site.stop()
})

t.test(
  'who is alone in holding one while he waits steps back, and the drive is free for others',
  async (t) => {
    const site = await tapeSite(2)
    const { broker, clock, request } = site
    const first = await broker.acquire(request('other', ontoSource))
    const copying = site.duplicate('1', 1, 1000)
    await asked(site, 1)
    await clock.advance(HOLD_AND_WAIT_MS)
    const other = await broker.acquire(request('backup', write))
    t.same(steppedBack(site), ['1'])
    await broker.release({ leaseId: other.leaseId })
    await broker.release({ leaseId: first.leaseId })
    await site.until([copying], 300_000)
    await site.stop()
  },
)

t.test('the first steps back too where what it waits for does not come from the others', async (t) => {
  const site = await tapeSite(3)
  const { broker, clock, request } = site
  const first = await broker.acquire(request('other', ontoSource))
  const copying = [site.duplicate('1', 1, 1000), site.duplicate('2', 1, 1000)]
  await asked(site, 2)
  const from = clock.now()
  for (; new Set(steppedBack(site)).size < 2; await sleep(1)) {
    t.ok(clock.now() - from < 2 * NEXT_VOLUME_MS)
    await clock.advance(HOLD_AND_WAIT_MS)
  }
  await broker.release({ leaseId: first.leaseId })
  await site.until(copying, 300_000)
  await site.stop()
})

t.test('as many as there are drives and more, at once or not: all come to their end', async (t) => {
  t.comment(`${histories} histories, seed ${seed}`)
  const random = seededRandom(seed)
  let steps = 0
  for (let history = 0; history < histories; history++) {
    const drives = 2 + Math.floor(random() * 2)
    const site = await tapeSite(drives)
    const count = drives + Math.floor(random() * 3)
    const jobs = Array.from({ length: count }, async (_, index) => {
      if (random() < 0.4) await site.clock.sleep(Math.floor(random() * 4) * 30_000)
      const source = 1 + Math.floor(random() * 6)
      await site.duplicate(`${index + 1}`, source, 1000 + Math.floor(random() * 120_000))
    })
    await site.until(jobs, count * (NEXT_VOLUME_MS + 120_000))
    steps += steppedBack(site).length
    await site.stop()
  }
  t.ok(steps >= histories, `${steps} steps back`)
})
