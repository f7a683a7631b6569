import { type Policy, toPath } from '@nb/contracts'
import type { SimulatedSite } from '@nb/simulation'
import { day, nightly } from './sites.ts'

/** Clients on eight media servers with disks: weekly fulls that take turns over the week, and daily incrementals. */
export function monthSite(clients: number, perPolicy: number): SimulatedSite {
  const names = Array.from({ length: clients }, (_, index) => `c${index}`)
  const servers = [1, 2, 3, 4, 5, 6, 7, 8]
  const policies: Policy[] = []
  for (let first = 0; first < clients; first += perPolicy) {
    const turn = (first / perPolicy) % 7
    policies.push({
      name: `p${first / perPolicy}`,
      active: true,
      clients: names.slice(first, first + perPolicy),
      selections: [toPath('/')],
      storage: { kind: 'group', name: 'disks' },
      schedules: [
        {
          name: 'weekly',
          type: 'full',
          frequencyMs: 7 * day,
          windows: nightly(20, 10, [turn]),
          retentionLevel: 1,
        },
        {
          name: 'daily',
          type: 'differential',
          frequencyMs: day,
          windows: nightly(20, 10),
          retentionLevel: 0,
        },
      ],
    })
  }
  return {
    clients: names.map((name, index) => ({
      name,
      sizeBytes: (20 + (index % 50) * 10) * 1e9,
      changePerDay: 0.02,
      readBytesPerSecond: 110e6,
      variation: 0.2,
    })),
    mediaServers: servers.map((number) => ({ name: `media${number}`, bytesPerSecond: 2500e6 })),
    diskUnits: servers.map((number) => ({
      name: `disk${number}`,
      mediaServer: `media${number}`,
      writeBytesPerSecond: 2500e6,
      maxConcurrentJobs: 60,
    })),
    groups: [{ name: 'disks', members: servers.map((number) => `disk${number}`), selection: 'round-robin' }],
    policies,
    failures: { random: { clientUnreachable: 0.005, mediaError: 0.0005 } },
  }
}
