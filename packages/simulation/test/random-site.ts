import {
  type SimulatedDiskUnit,
  type SimulatedSite,
  type SimulationResults,
  createSimulation,
} from '@nb/simulation'
import { day, hour, monday, nightly, policy } from './sites.ts'

interface Holding {
  readonly jobId: string
  readonly drive: string
  readonly volumeId: string
  readonly group: string | undefined
}

/** Every other disk has a mark, at which the small ones come to be. */
function roomOf(terabytes: number): Pick<SimulatedDiskUnit, 'capacityBytes' | 'highWaterPercent'> {
  const capacityBytes = terabytes * 1e12
  return terabytes % 2 === 0 ? { capacityBytes, highWaterPercent: 10 * terabytes } : { capacityBytes }
}

/** A small site of everything: disks, a library, multiplexing, groups, volumes that fill, failures. */
export function randomSite(random: () => number): SimulatedSite {
  const whole = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1))
  const clients = Array.from({ length: whole(2, 9) }, (_, index) => ({
    name: `c${index}`,
    sizeBytes: whole(1, 400) * 1e9,
    changePerDay: random() / 5,
    readBytesPerSecond: whole(5, 100) * 1e6,
    variation: random() / 2,
    ...(random() < 0.2 ? { outages: nightly(22, 3, [whole(0, 6)]) } : {}),
  }))
  const at = { mediaServer: 'media1', density: 'lto', robot: 'robot1' }
  const names = clients.map(({ name }) => name)
  const storages = [
    { kind: 'any' },
    { kind: 'unit', name: 'tape1' },
    { kind: 'unit', name: 'disk1' },
    { kind: 'group', name: 'both' },
  ] as const
  return {
    clients,
    mediaServers: [{ name: 'media1', bytesPerSecond: whole(50, 400) * 1e6, maxConcurrentJobs: whole(2, 8) }],
    diskUnits: [
      {
        name: 'disk1',
        mediaServer: 'media1',
        writeBytesPerSecond: whole(20, 200) * 1e6,
        maxConcurrentJobs: whole(1, 3),
        ...roomOf(whole(1, 10)),
      },
    ],
    tapeUnits: [{ name: 'tape1', ...at, maxStreamsPerDrive: whole(1, 4) }],
    drives: Array.from({ length: whole(1, 3) }, (_, index) => ({
      name: `drive${index}`,
      ...at,
      writeBytesPerSecond: whole(20, 200) * 1e6,
    })),
    volumes: Array.from({ length: whole(8, 40) }, (_, index) => ({
      volumeId: `V${index}`,
      density: 'lto',
      robot: 'robot1',
      pool: 'Scratch',
      capacityBytes: whole(100, 900) * 1e9,
    })),
    pools: [{ name: 'Scratch', scratch: true }],
    groups: [{ name: 'both', members: ['tape1', 'disk1'], selection: 'round-robin' }],
    policies: [0, 1].map((number) =>
      policy(
        names.filter((_, index) => index % 2 === number),
        [
          {
            name: 'full',
            type: 'full',
            frequencyMs: 3 * day,
            windows: nightly(20, whole(1, 10)),
            retentionLevel: 1,
            multiplexing: whole(1, 4),
          },
          {
            name: 'inc',
            type: 'differential',
            frequencyMs: day,
            windows: nightly(20, whole(1, 10)),
            retentionLevel: 0,
            multiplexing: whole(1, 4),
          },
        ],
        { name: `p${number}`, storage: storages[whole(0, 3)] ?? { kind: 'any' }, priority: whole(0, 2) },
      ),
    ),
    failures: {
      random: { clientUnreachable: 0.03, mediaError: 0.03, driveDownsPerMonth: 4, driveDownMs: 5 * hour },
    },
  }
}

export async function playWatched(
  site: SimulatedSite,
  seed: number,
  days: number,
): Promise<{ results: SimulationResults; wrong: string[] }> {
  const simulation = createSimulation(site, { seed })
  const { media, broker, jobs } = simulation.ports
  const wrong: string[] = []
  const look = async (): Promise<void> => {
    const held: Holding[] = []
    const onUnit = new Map<string, number>()
    let all = 0
    for await (const { jobId, storageUnit, medium } of media.allocations({})) {
      all += 1
      if (medium.kind === 'disk') onUnit.set(storageUnit, (onUnit.get(storageUnit) ?? 0) + 1)
      else
        held.push({ jobId, drive: medium.drive, volumeId: medium.volumeId, group: medium.multiplex?.group })
    }
    for (const a of held)
      for (const b of held) {
        const shares = a.drive === b.drive || a.volumeId === b.volumeId
        if (a.jobId < b.jobId && shares && (a.group === undefined || a.group !== b.group))
          wrong.push(
            `jobs ${a.jobId} and ${b.jobId} share drive ${a.drive} or volume ${a.volumeId} without a group`,
          )
      }
    const [unit] = site.diskUnits ?? []
    for await (const told of media.storageUnits({ name: 'disk1' })) {
      const space = told.type === 'disk' ? told.space : undefined
      if (unit?.highWaterPercent === undefined ? space !== undefined : (space?.freeBytes ?? -1) < 0)
        wrong.push(`of the room of disk1 ${JSON.stringify(space)} is told`)
    }
    if ((onUnit.get('disk1') ?? 0) > (unit?.maxConcurrentJobs ?? 0)) wrong.push('too many jobs on disk1')
    if (all > (site.mediaServers[0]?.maxConcurrentJobs ?? 0)) wrong.push('too many jobs at media1')
    const { orphanedAllocations, orphanedLeases } = await broker.reconcile({ repair: false })
    if (orphanedAllocations.length + orphanedLeases.length > 0) wrong.push('broker and media manager differ')
    for await (const { id } of jobs.list({ states: ['queued'] })) {
      const { waiting, blockers } = await jobs.explain({ jobId: id })
      if (waiting && blockers.length === 0) wrong.push(`job ${id} waits for nothing`)
    }
  }
  const from = monday + 12 * hour
  for (let at = from + hour; at <= from + days * day; at += 5 * hour) {
    await simulation.run(at)
    await look()
  }
  await simulation.run(from + days * day)
  const results = await simulation.results()
  await simulation.stop()
  return { results, wrong }
}
