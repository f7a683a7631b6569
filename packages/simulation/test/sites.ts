import { type Policy, type Schedule, type StartWindow, toPath } from '@nb/contracts'
import type { SimulatedSite } from '@nb/simulation'

/** A Monday; simulations begin at its noon. */
export const monday: number = Date.UTC(2026, 0, 5)
export const hour = 3_600_000
export const day: number = 24 * hour
export const gigabyte = 1e9

/** The same window on the weekdays given, by hours. */
export function nightly(
  fromHour: number,
  hours: number,
  weekdays: readonly number[] = [0, 1, 2, 3, 4, 5, 6],
): StartWindow[] {
  return weekdays.map((weekday) => ({
    weekday,
    startSeconds: fromHour * 3600,
    durationSeconds: hours * 3600,
  }))
}

export function fullSchedule(windows: readonly StartWindow[], changes: Partial<Schedule> = {}): Schedule {
  return { name: 'full', type: 'full', frequencyMs: 7 * day, windows, retentionLevel: 1, ...changes }
}

export function policy(
  clients: readonly string[],
  schedules: readonly Schedule[],
  changes: Partial<Policy> = {},
): Policy {
  return {
    name: 'nightly',
    active: true,
    clients,
    selections: [toPath('/data')],
    storage: { kind: 'any' },
    schedules,
    ...changes,
  }
}

/** Clients of one kind, `c1` to `cN`. */
export function clients(
  count: number,
  sizeBytes: number,
  readBytesPerSecond = 1e12,
): SimulatedSite['clients'] {
  return Array.from({ length: count }, (_, index) => ({
    name: `c${index + 1}`,
    sizeBytes,
    changePerDay: 0.1,
    readBytesPerSecond,
  }))
}

/** A site with a tape library: drives of 100 MB/s that mount, unmount and position in no time. */
export function tapeSite(
  drives: number,
  volumes: number,
  rest: Pick<SimulatedSite, 'clients' | 'policies'> & Partial<SimulatedSite>,
  volumeBytes = 1e15,
): SimulatedSite {
  const at = { mediaServer: 'media1', density: 'hcart', robot: 'robot1' }
  return {
    mediaServers: [{ name: 'media1' }],
    tapeUnits: [{ name: 'tape1', ...at }],
    drives: Array.from({ length: drives }, (_, index) => ({
      name: `drive${index + 1}`,
      ...at,
      writeBytesPerSecond: 100e6,
      mountMs: 0,
      unmountMs: 0,
      positionMs: 0,
    })),
    volumes: Array.from({ length: volumes }, (_, index) => ({
      volumeId: `T${String(index + 1).padStart(5, '0')}`,
      density: 'hcart',
      robot: 'robot1',
      capacityBytes: volumeBytes,
    })),
    ...rest,
  }
}
