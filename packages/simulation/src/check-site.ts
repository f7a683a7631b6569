import { NbError } from '@nb/contracts'
import type { SimulatedDiskUnit, SimulatedSite } from './site.ts'

type Named = { readonly name: string }

/**
 * Refuses a site that can't be meant, as far as the components would not refuse it themselves.
 * @throws NbError `argument-invalid`, naming the field and what is allowed
 */
export function checkSite(site: SimulatedSite): void {
  unique('clients', site.clients)
  unique('mediaServers', site.mediaServers)
  unique('storage units', [...(site.diskUnits ?? []), ...(site.tapeUnits ?? [])])
  unique('drives', site.drives ?? [])
  unique(
    'volumes',
    (site.volumes ?? []).map(({ volumeId }) => ({ name: volumeId })),
  )
  if (site.mediaServers.length === 0) refuse('mediaServers', 'needs at least one media server')
  site.clients.forEach((client, index) => {
    const field = `clients[${index}]`
    bound(`${field}.sizeBytes`, client.sizeBytes, 1, Number.MAX_SAFE_INTEGER)
    bound(`${field}.changePerDay`, client.changePerDay, 0, 1)
    bound(`${field}.readBytesPerSecond`, client.readBytesPerSecond, 1, Infinity)
    bound(`${field}.walkMs`, client.walkMs ?? 0, 0, 86_400_000)
    bound(`${field}.failChance`, client.failChance ?? 0, 0, 1)
    bound(`${field}.variation`, client.variation ?? 0, 0, 1)
    bound(`${field}.fileBytes`, client.fileBytes ?? 1, 1, Number.MAX_SAFE_INTEGER)
  })
  const servers = new Set(site.mediaServers.map(({ name }) => name))
  const known = (field: string, name: string): void => {
    if (!servers.has(name)) refuse(field, `names media server "${name}", which the site does not have`)
  }
  site.mediaServers.forEach(({ bytesPerSecond }, index) =>
    bound(`mediaServers[${index}].bytesPerSecond`, bytesPerSecond ?? 1, 1, Infinity),
  )
  site.diskUnits?.forEach((unit, index) => {
    known(`diskUnits[${index}].mediaServer`, unit.mediaServer)
    bound(`diskUnits[${index}].writeBytesPerSecond`, unit.writeBytesPerSecond, 1, Infinity)
    bound(`diskUnits[${index}].capacityBytes`, unit.capacityBytes ?? 1, 1, Infinity)
    checkMark(`diskUnits[${index}]`, unit)
  })
  site.tapeUnits?.forEach((unit, index) => known(`tapeUnits[${index}].mediaServer`, unit.mediaServer))
  site.drives?.forEach((drive, index) => {
    known(`drives[${index}].mediaServer`, drive.mediaServer)
    bound(`drives[${index}].writeBytesPerSecond`, drive.writeBytesPerSecond, 1, Infinity)
    for (const field of ['mountMs', 'unmountMs', 'positionMs'] as const)
      bound(`drives[${index}].${field}`, drive[field] ?? 0, 0, 86_400_000)
  })
  site.volumes?.forEach((volume, index) =>
    bound(`volumes[${index}].capacityBytes`, volume.capacityBytes, 1, Number.MAX_SAFE_INTEGER),
  )
  checkPolicies(site)
  checkFailures(site)
}

function checkMark(field: string, { capacityBytes, highWaterPercent }: SimulatedDiskUnit): void {
  if (highWaterPercent === undefined) return
  if (!Number.isInteger(highWaterPercent) || highWaterPercent < 1 || highWaterPercent > 100)
    refuse(`${field}.highWaterPercent`, `must be a whole number from 1 to 100, not ${highWaterPercent}`)
  if (!Number.isSafeInteger(capacityBytes))
    refuse(`${field}.capacityBytes`, 'must be a whole number of bytes where the disk has a high-water mark')
}

function checkPolicies(site: SimulatedSite): void {
  const clients = new Set(site.clients.map(({ name }) => name))
  site.policies.forEach((policy, index) => {
    const missing = policy.clients.find((client) => !clients.has(client))
    if (missing !== undefined)
      refuse(`policies[${index}].clients`, `names client "${missing}", which the site does not have`)
    const several = policy.schedules.findIndex(({ copies }) => copies !== undefined)
    if (several >= 0)
      refuse(
        `policies[${index}].schedules[${several}].copies`,
        'asks for several copies at once, and a simulated backup writes one',
      )
  })
}

function checkFailures(site: SimulatedSite): void {
  const { planned = [], random = {} } = site.failures ?? {}
  const names = {
    'drive-down': new Set(site.drives?.map(({ name }) => name)),
    'client-unreachable': new Set(site.clients.map(({ name }) => name)),
    'storage-unit-down': new Set(
      [...(site.diskUnits ?? []), ...(site.tapeUnits ?? [])].map(({ name }) => name),
    ),
  }
  planned.forEach(({ kind, name, durationMs }, index) => {
    if (!names[kind].has(name))
      refuse(`failures.planned[${index}].name`, `names "${name}", which the site does not have`)
    bound(`failures.planned[${index}].durationMs`, durationMs, 1, Number.MAX_SAFE_INTEGER)
  })
  bound('failures.random.clientUnreachable', random.clientUnreachable ?? 0, 0, 1)
  bound('failures.random.mediaError', random.mediaError ?? 0, 0, 1)
  bound('failures.random.driveDownsPerMonth', random.driveDownsPerMonth ?? 0, 0, 100_000)
  bound('failures.random.driveDownMs', random.driveDownMs ?? 1, 1, Number.MAX_SAFE_INTEGER)
}

function unique(field: string, things: readonly Named[]): void {
  const seen = new Set<string>()
  for (const { name } of things) {
    if (seen.has(name)) refuse(field, `has "${name}" twice`)
    seen.add(name)
  }
}

function bound(field: string, value: number, least: number, most: number): void {
  if (!(value >= least && value <= most)) refuse(field, `must be from ${least} to ${most}, not ${value}`)
}

function refuse(field: string, what: string): never {
  throw new NbError('argument-invalid', `site: ${field} ${what}`, { details: { field } })
}
