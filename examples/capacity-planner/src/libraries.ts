import type { SimulatedDrive, SimulatedSite, SimulatedTapeUnit, SimulatedVolume } from '@nb/simulation'
import type { Library, Site } from './site.ts'
import { parseDuration, parseRate, parseSize } from './units.ts'
import type { Field } from './yaml-fields.ts'

/** Reads the libraries of a site file. */
export function readLibraries(field: Field, servers: readonly string[]): Library[] {
  return field.items().map((item) => {
    const fields = item.fields(
      ['name', 'mediaServer', 'drives', 'write', 'volumes', 'capacity'],
      ['density', 'mount', 'unmount', 'position', 'multiplexing'],
    )
    const times = {
      mountMs: fields['mount']?.parsed(parseDuration),
      unmountMs: fields['unmount']?.parsed(parseDuration),
      positionMs: fields['position']?.parsed(parseDuration),
    }
    return {
      name: fields['name']?.text() ?? '',
      mediaServer: (fields['mediaServer'] as Field).oneOf(servers) ?? '',
      density: fields['density']?.text() ?? 'lto',
      drives: fields['drives']?.whole(1, 1000) ?? 1,
      writeBytesPerSecond: fields['write']?.parsed(parseRate) ?? 1,
      multiplexing: fields['multiplexing']?.whole(1, 32) ?? 1,
      volumes: fields['volumes']?.whole(0, 99_999) ?? 0,
      capacityBytes: fields['capacity']?.parsed(parseSize) ?? 1,
      ...Object.fromEntries(Object.entries(times).filter(([, value]) => value !== undefined)),
    }
  })
}

/** The site as a simulation takes it. Volumes lie in a scratch pool, from which all pools take. */
export function simulatedSite(site: Site): SimulatedSite {
  const tapeUnits: SimulatedTapeUnit[] = []
  const drives: SimulatedDrive[] = []
  const volumes: SimulatedVolume[] = []
  for (const [index, library] of site.libraries.entries()) {
    const { name, mediaServer, density, multiplexing, capacityBytes, writeBytesPerSecond } = library
    const at = { mediaServer, density, robot: name }
    tapeUnits.push({ name, ...at, maxStreamsPerDrive: multiplexing })
    const { mountMs = 60_000, unmountMs = 60_000, positionMs = 30_000 } = library
    for (let drive = 1; drive <= library.drives; drive++)
      drives.push({
        name: driveName(name, drive),
        ...at,
        writeBytesPerSecond,
        mountMs,
        unmountMs,
        positionMs,
      })
    const letter = String.fromCharCode(65 + (index % 26))
    for (let volume = 1; volume <= library.volumes; volume++)
      volumes.push({
        volumeId: `${letter}${String(volume).padStart(5, '0')}`,
        density,
        robot: name,
        pool: 'Scratch',
        capacityBytes,
      })
  }
  const pools = new Set(
    site.policies.flatMap(({ volumePool }) => (volumePool === undefined ? [] : [volumePool])),
  )
  return {
    timeZone: site.timeZone,
    clients: site.clients,
    mediaServers: site.mediaServers,
    diskUnits: site.disks,
    tapeUnits,
    drives,
    volumes,
    pools: [{ name: 'Scratch', scratch: true }, ...[...pools].map((name) => ({ name, scratch: false }))],
    groups: site.groups,
    policies: site.policies,
    failures: site.failures,
    maxJobsPerClient: site.jobsPerClient,
  }
}

/** The same site with one more drive in a library. */
export function withOneMoreDrive(site: Site, library: string): Site {
  const libraries = site.libraries.map((each) =>
    each.name === library ? { ...each, drives: each.drives + 1 } : each,
  )
  return { ...site, libraries }
}

/** The name of a library's drive, from 1. */
export function driveName(library: string, number: number): string {
  return `${library}-drive${number}`
}
