import assert from 'node:assert/strict'
import type { Allocation, Blocker, MediaNeed, QueuedRequest } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import { limits, maxPassedBy, site } from './tape-site.ts'
import type { TapeWorld } from './tape-world.ts'

/** Asserts all that must hold whenever nothing is under way, by counting allocations and looking at the site. */
export async function checkPromises(world: TapeWorld): Promise<void> {
  const { broker, media, calls, count } = world
  const grants = await collect(broker.grants({}))
  const allocations = await collect(media.allocations({}))
  assert.deepEqual(
    allocations.map(({ allocationId }) => allocationId).sort(),
    grants.map(({ allocation }) => allocation.allocationId).sort(),
    'leases and allocations are the same',
  )
  const granted = [...calls.values()].filter(({ grant }) => grant !== undefined)
  assert.deepEqual(
    allocations.map(({ jobId }) => jobId).sort(),
    granted.map(({ request }) => request.jobId).sort(),
    'who holds something was told',
  )
  for (const call of calls.values()) assert.equal((call as { failure?: unknown }).failure, undefined)
  nothingIsGivenTwice(world, allocations)
  count.grants += allocations.length

  for (const { jobId, times } of world.passings.splice(0)) {
    assert.ok(times <= maxPassedBy, `job ${jobId} was passed by ${times} times`)
    count.passings += 1
  }

  const queued = await collect(broker.queue({}))
  assert.equal(queued.length + granted.length, calls.size, 'everybody waits or holds')
  const ranks = queued.map(({ request, since }) => [-request.priority, since])
  assert.deepEqual(
    ranks,
    [...ranks].sort(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d),
    'in order',
  )
  for (const one of queued) {
    const { jobId } = one.request
    assert.ok(one.passedBy <= maxPassedBy, `job ${jobId} was passed by ${one.passedBy} times`)
    // The queue wakes nobody, as `explain` would: an empty list is someone who could go and was forgotten.
    assert.ok(one.blockers.length > 0, `job ${jobId} waits for nothing`)
    const why = await broker.explain({ jobId })
    assert.ok(why.waiting && why.sentence.includes(`job ${jobId} waits`))
    assert.deepEqual(why.blockers, one.blockers)
    for (const blocker of one.blockers) isTrue(world, allocations, queued, one, blocker)
    if (one.blockers.some(({ kind }) => kind === 'turn')) count.turns += 1
    count.waits += 1
  }
}

type OnTape = Allocation & { readonly medium: Extract<Allocation['medium'], { kind: 'tape' }> }
const onTape = (allocations: readonly Allocation[]): readonly OnTape[] =>
  allocations.filter((one): one is OnTape => one.medium.kind === 'tape')

function nothingIsGivenTwice({ calls, count }: TapeWorld, allocations: readonly Allocation[]): void {
  const tapes = onTape(allocations)
  for (const one of tapes) {
    const beside = tapes.filter(({ medium }) => medium.drive === one.medium.drive)
    const sameVolume = tapes.filter(({ medium }) => medium.volumeId === one.medium.volumeId)
    assert.deepEqual(beside, sameVolume, 'a volume is in one drive, a drive has one volume')
    if (beside.length === 1) continue
    count.shared += 1
    if (one.purpose === 'read') {
      for (const { purpose, storageUnit } of beside)
        assert.deepEqual([purpose, storageUnit], ['read', one.storageUnit], 'only those who read share so')
      continue
    }
    const unit = site.units[one.storageUnit as 'tape1']
    assert.ok(one.medium.multiplex !== undefined, 'who shares a drive is of a group')
    // What each member allows is its need's; its allocation tells what the group allowed when it came.
    const need = calls.get(`r${one.jobId}`)?.request.need
    const allows = need?.kind === 'write' ? (need.multiplexing ?? 1) : 1
    assert.ok(beside.length <= Math.min(allows, unit.maxStreamsPerDrive), 'no more than each member allows')
    for (const { medium, storageUnit, purpose } of beside)
      assert.deepEqual(
        [medium.multiplex?.group, storageUnit, purpose],
        [one.medium.multiplex.group, one.storageUnit, 'write'],
      )
  }
  for (const [name, unit] of Object.entries(site.units))
    assert.ok(
      useOf(allocations, name) <=
        ('maxConcurrentJobs' in unit ? unit.maxConcurrentJobs : unit.maxConcurrentDrives),
    )
  assert.ok(allocations.filter(({ mediaServer }) => mediaServer === 'media1').length <= site.servers.media1)
  const backups = [...calls.values()].filter(({ grant, request }) => grant && request.jobType === 'backup')
  for (const { request } of backups) {
    const of = (field: 'policy' | 'client') =>
      backups.filter((other) => other.request[field] === request[field]).length
    assert.ok(of('policy') <= limits.maxJobsPerPolicy && of('client') <= limits.maxJobsPerClient)
  }
}

/** Drives that write, or jobs on a disk. */
function useOf(allocations: readonly Allocation[], unit: string): number {
  const there = allocations.filter(({ storageUnit }) => storageUnit === unit)
  if (unit === 'disk1') return there.length
  const writing = onTape(there).filter(({ purpose }) => purpose === 'write')
  return new Set(writing.map(({ medium }) => medium.drive)).size
}

/** Asserts that what a blocker names stands in the way, and that its holders hold it. */
function isTrue(
  { calls, down }: TapeWorld,
  allocations: readonly Allocation[],
  queued: readonly QueuedRequest[],
  { request, since }: QueuedRequest,
  { kind, name, storageUnit, reason, limit, holders }: Blocker,
): void {
  const what = `job ${request.jobId}: ${kind} ${name} ${reason}`
  const jobs = holders.map(({ jobId }) => jobId)
  const hold = (those: readonly Allocation[]): void =>
    assert.deepEqual([...jobs].sort(), those.map(({ jobId }) => jobId).sort(), what)
  if (storageUnit !== undefined) assert.ok(candidates(request.need).includes(storageUnit), what)
  switch (kind) {
    case 'policy-limit':
    case 'client-limit': {
      const field = kind === 'policy-limit' ? 'policy' : 'client'
      const counted = [...calls.values()].filter(
        (call) => call.grant && call.request.jobType === 'backup' && call.request[field] === name,
      )
      assert.deepEqual([...jobs].sort(), counted.map((call) => call.request.jobId).sort(), what)
      assert.ok(jobs.length >= (limit ?? Infinity), what)
      break
    }
    case 'storage-unit-limit':
      assert.ok(useOf(allocations, name) >= (limit ?? Infinity), what)
      assert.ok(
        jobs.length > 0 && jobs.every((jobId) => allocations.some((one) => one.jobId === jobId)),
        what,
      )
      break
    case 'storage-unit-down':
      assert.ok(down.has(`unit:${name}`), what)
      break
    case 'drive':
      if (holders.length === 0) assert.ok(down.has(`drive:${name}`), what)
      else hold(onTape(allocations).filter(({ medium }) => medium.drive === name))
      break
    case 'volume':
      assert.ok(holders.length > 0, what)
      hold(onTape(allocations).filter(({ medium }) => medium.volumeId === name))
      break
    case 'media-server':
      if (reason === 2027) assert.ok(down.has(`server:${name}`), what)
      else {
        hold(allocations.filter(({ mediaServer }) => mediaServer === name))
        assert.ok(jobs.length >= (limit ?? Infinity), what)
      }
      break
    case 'robot':
      assert.ok(down.has(`robot:${name}`), what)
      break
    case 'turn': {
      const higher = queued.find((one) => one.request.jobId === jobs[0])
      assert.ok(higher !== undefined && higher.passedBy >= maxPassedBy, what)
      const before = higher.request.priority - request.priority || since - higher.since
      assert.ok(before >= 0, `${what}: whose turn it is has the higher rank`)
      break
    }
    default:
      assert.fail(`${what} was not to be expected`)
  }
}

function candidates(need: MediaNeed): readonly string[] {
  if (need.kind === 'read') return [need.storageUnit]
  if (need.storage.kind === 'unit') return [need.storage.name]
  return need.storage.kind === 'group' ? site.group : Object.keys(site.units)
}
