import type { Clock, MediaManager } from '@nb/contracts'
import { chanceOf } from './chance.ts'
import type { SimulatedClients } from './clients.ts'
import type { Hardware } from './hardware.ts'
import type { PlannedFailure, SimulatedSite } from './site.ts'
import { TimeSeries } from './time-series.ts'

const monthMs = 30 * 86_400_000
const defaultDownMs = 4 * 3_600_000

/** Lets things fail when they are to, and come back. */
export class Failures {
  readonly #clock: Clock
  readonly #media: MediaManager
  readonly #hardware: Hardware
  readonly #clients: SimulatedClients
  readonly #site: SimulatedSite
  readonly #from: number
  /** What is down now: how often over, and since when. */
  readonly #down = new Map<string, { times: number; since: number }>()
  readonly #driveDownMs = new Map<string, TimeSeries>()

  constructor(
    parts: {
      readonly clock: Clock
      readonly media: MediaManager
      readonly hardware: Hardware
      readonly clients: SimulatedClients
    },
    site: SimulatedSite,
  ) {
    this.#clock = parts.clock
    this.#media = parts.media
    this.#hardware = parts.hardware
    this.#clients = parts.clients
    this.#site = site
    this.#from = parts.clock.now()
  }

  /** Sets the timers of all that is planned, and of the first chance of each drive. */
  start(seed: number): void {
    const { planned = [], random } = this.#site.failures ?? {}
    for (const failure of planned) this.#at(failure.at, () => this.#begin(failure))
    const perMonth = random?.driveDownsPerMonth ?? 0
    if (perMonth <= 0) return
    const durationMs = random?.driveDownMs ?? defaultDownMs
    for (const { name } of this.#site.drives ?? []) {
      const chance = chanceOf(seed, `drive ${name}`)
      const next = (): void => {
        const at = this.#clock.now() + Math.ceil((-Math.log(1 - chance()) * monthMs) / perMonth)
        this.#at(at, () => {
          void this.#begin({ kind: 'drive-down', name, at, durationMs })
          this.#at(at + durationMs, next)
        })
      }
      next()
    }
  }

  /** Milliseconds in which a drive was down, by the hour. */
  downMs(drive: string, until: number): number[] {
    const down = this.#down.get(`drive-down ${drive}`)
    if (down !== undefined) {
      this.#downOf(drive).add(down.since, this.#clock.now(), this.#clock.now() - down.since)
      down.since = this.#clock.now()
    }
    return this.#downOf(drive).until(until)
  }

  #at(at: number, action: () => unknown): void {
    this.#clock.setTimer(at - this.#clock.now(), () => void action())
  }

  async #begin(failure: PlannedFailure): Promise<void> {
    const { kind, name, durationMs } = failure
    if (kind === 'client-unreachable') {
      this.#clients.leave(name, this.#clock.now() + durationMs)
      return
    }
    const key = `${kind} ${name}`
    const down = this.#down.get(key) ?? { times: 0, since: this.#clock.now() }
    this.#down.set(key, { ...down, times: down.times + 1 })
    this.#at(this.#clock.now() + durationMs, () => this.#end(key, failure))
    const reason = 'a simulated failure'
    if (kind === 'storage-unit-down') await this.#media.setStorageUnitState({ name, state: 'down', reason })
    else {
      await this.#media.setDriveState({ name, state: 'down', reason })
      this.#hardware.breakDrive(name, reason)
    }
  }

  async #end(key: string, { kind, name }: PlannedFailure): Promise<void> {
    const down = this.#down.get(key)
    if (down === undefined) return
    if (down.times > 1) {
      this.#down.set(key, { ...down, times: down.times - 1 })
      return
    }
    this.#down.delete(key)
    const now = this.#clock.now()
    if (kind === 'drive-down') {
      this.#downOf(name).add(down.since, now, now - down.since)
      await this.#media.setDriveState({ name, state: 'up' })
    } else await this.#media.setStorageUnitState({ name, state: 'up' })
  }

  #downOf(drive: string): TimeSeries {
    const series = this.#driveDownMs.get(drive) ?? new TimeSeries(this.#from)
    this.#driveDownMs.set(drive, series)
    return series
  }
}
