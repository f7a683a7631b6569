import type { MediaManager, MediaNeed, ResourceRequest } from '@nb/contracts'

const units = 20
const drivesPerUnit = 50
const policies = 500
const clients = 20_000
const poolName = 'NetBackup'

/** How many drives the site has. */
export const siteDrives: number = units * drivesPerUnit

/** Sets up 20 tape storage units with a robot and 50 drives each on ten media servers, with two volumes for each drive. */
export async function setUpSite(media: MediaManager): Promise<void> {
  for (let unit = 0; unit < units; unit++) {
    const place = { mediaServer: `media${unit % 10}`, density: 'hcart', robot: `robot${unit}` }
    await media.putStorageUnit({
      ...place,
      name: unitName(unit),
      type: 'tape',
      state: 'up',
      maxFragmentBytes: 2 ** 40,
      onDemandOnly: false,
      maxConcurrentDrives: unit % 5 === 0 ? drivesPerUnit - 5 : drivesPerUnit,
    })
    for (let drive = 0; drive < drivesPerUnit; drive++)
      await media.putDrive({ ...place, name: `d${unit}-${drive}`, state: 'up' })
    for (let volume = 0; volume < 2 * drivesPerUnit; volume++)
      await media.putVolume({
        volumeId: `${String.fromCharCode(65 + unit)}${String(volume).padStart(5, '0')}`,
        density: place.density,
        robot: place.robot,
        pool: poolName,
        state: 'active',
        mounts: 0,
      })
  }
  for (let group = 0; group < units / 4; group++)
    await media.putGroup({
      name: `group${group}`,
      members: [0, 1, 2, 3].map((member) => unitName(4 * group + member)),
      selection: group % 2 === 0 ? 'prioritised' : 'round-robin',
    })
}

/**
 * The request of the n-th of so many jobs: of 500 policies with limits from 2 to 20, of 20,000 clients with a limit of one
 * or two, each in many policies, four priorities. Each policy goes to a storage unit, a group or any, with
 * one of two retention levels by its schedule.
 */
export function requestOf(job: number, at: number): ResourceRequest {
  const mixed = mix(job)
  const policy = mixed % policies
  const client = mix(mixed) % clients
  return {
    requestId: `job-${job}-try-1`,
    jobId: `${job}`,
    jobType: 'backup',
    priority: [0, 0, 10_000, 90_000][mix(job + 1) % 4] ?? 0,
    policy: `policy-${policy}`,
    client: `client-${client}.example.net`,
    limits: { maxJobsPerPolicy: 2 + (policy % 19), maxJobsPerClient: 1 + (client % 2) },
    need: needOf(mix(policy), mix(job + 2) % 2),
    queuedAt: at,
  }
}

function needOf(mixed: number, retentionLevel: number): MediaNeed {
  const common = { kind: 'write', volumePool: poolName, retentionLevel } as const
  const kind = mixed % 100
  if (kind < 5) return { ...common, storage: { kind: 'any' } }
  if (kind < 35) return { ...common, storage: { kind: 'group', name: `group${(mixed >>> 12) % 5}` } }
  return { ...common, storage: { kind: 'unit', name: unitName((mixed >>> 12) % units) } }
}

const unitName = (unit: number): string => `tape${String(unit).padStart(2, '0')}`

/** A number that looks random, the same each time (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let mixed = (value + 0x9e3779b9) >>> 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
