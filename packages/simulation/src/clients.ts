import { type Clock, type ImageRecord, NbError } from '@nb/contracts'
import { firstOpening } from '@nb/scheduler'
import { backupBytes } from './backup-size.ts'
import { chanceOf } from './chance.ts'
import type { FlowNetwork, NetworkLink } from './flow-network.ts'
import type { SimulatedClient, SimulatedSite } from './site.ts'

/** How long a media server waits for a client that can't be reached, milliseconds: the field's connect timeout. */
export const connectTimeoutMs = 300_000

/** What a backup of a client is going to be. */
export interface BackupPlan {
  readonly bytes: number
  readonly files: number
  readonly walkMs: number
  /** After which share of the data it breaks off, and at which end. */
  readonly breaks?: { readonly after: number; readonly at: 'client' | 'medium' }
  readonly unreachable: boolean
}

interface ClientState {
  readonly client: SimulatedClient
  readonly link: NetworkLink
  readonly chance: () => number
  /** Away until then because of a planned failure, milliseconds since the epoch. */
  awayUntil: number
  /** The outage that is on or comes next; looked up again once it is over. */
  outage: { readonly startsAt: number; readonly closesAt: number } | undefined
  readonly breakers: Set<(reason: NbError) => void>
}

/** The clients of a site: what their backups hold, and when they can't be reached. */
export class SimulatedClients {
  readonly #clock: Clock
  readonly #site: SimulatedSite
  readonly #states = new Map<string, ClientState>()

  constructor(clock: Clock, network: FlowNetwork, site: SimulatedSite, seed: number) {
    this.#clock = clock
    this.#site = site
    for (const client of site.clients) {
      const { name, readBytesPerSecond } = client
      const link = network.addLink({ name: `client ${name}`, bytesPerSecond: readBytesPerSecond })
      const chance = chanceOf(seed, `client ${name}`)
      this.#states.set(name, { client, link, chance, awayUntil: 0, outage: undefined, breakers: new Set() })
    }
  }

  /** The link of a client in the network. */
  link(name: string): NetworkLink {
    return this.#state(name).link
  }

  /** Draws what the next backup of a client is: its size by its reference's age, and whether it goes wrong. */
  plan(image: ImageRecord, reference: ImageRecord | undefined): BackupPlan {
    const state = this.#state(image.client)
    const {
      sizeBytes,
      changePerDay,
      variation = 0,
      walkMs = 0,
      fileBytes = 1_048_576,
      failChance = 0,
    } = state.client
    const { clientUnreachable = 0, mediaError = 0 } = this.#site.failures?.random ?? {}
    // Always the same draws per backup, so that two sites that differ elsewhere meet the same chances.
    const { chance } = state
    const [unreachable, deviates, atClient, atMedium, after] = [
      chance(),
      chance(),
      chance(),
      chance(),
      chance(),
    ] as const
    const at = atClient < failChance ? 'client' : atMedium < mediaError ? 'medium' : undefined
    const incremental = image.scheduleType === 'differential' || image.scheduleType === 'cumulative'
    const bytes = backupBytes({
      sizeBytes: sizeBytes / Math.max(1, image.streamSet?.length ?? 1),
      changePerDay,
      deviation: (2 * deviates - 1) * variation,
      ...(incremental && reference !== undefined ? { sinceMs: image.backupTime - reference.backupTime } : {}),
    })
    return {
      bytes,
      files: Math.max(1, Math.round(bytes / fileBytes)),
      walkMs,
      unreachable: unreachable < clientUnreachable || this.#awayUntil(state) > this.#clock.now(),
      ...(at === undefined ? {} : { breaks: { after, at } }),
    }
  }

  /** Calls `broken` should the client become unreachable; the answer ends the watch. */
  watch(name: string, broken: (reason: NbError) => void): () => void {
    const state = this.#state(name)
    const next = this.#outage(state)
    const cancel =
      next === undefined
        ? () => undefined
        : this.#clock.setTimer(next.startsAt - this.#clock.now(), () => broken(lost(name)))
    state.breakers.add(broken)
    return () => {
      cancel()
      state.breakers.delete(broken)
    }
  }

  /** A planned failure: the client is away until then. */
  leave(name: string, until: number): void {
    const state = this.#state(name)
    state.awayUntil = Math.max(state.awayUntil, until)
    for (const broken of state.breakers) broken(lost(name))
  }

  #state(name: string): ClientState {
    const state = this.#states.get(name)
    if (state === undefined) throw new NbError('client-unknown', `the simulated site has no client ${name}`)
    return state
  }

  #awayUntil(state: ClientState): number {
    const outage = this.#outage(state)
    const inOutage = outage !== undefined && outage.startsAt <= this.#clock.now() ? outage.closesAt : 0
    return Math.max(state.awayUntil, inOutage)
  }

  #outage(state: ClientState): ClientState['outage'] {
    const { outages = [] } = state.client
    if (outages.length === 0) return undefined
    const now = this.#clock.now()
    if (state.outage === undefined || state.outage.closesAt <= now)
      state.outage = firstOpening(outages, this.#site.timeZone ?? 'UTC', now)
    return state.outage
  }
}

/** A backup to a client that was there and is not any more; the field's 41, the network has timed out. */
function lost(name: string): NbError {
  return new NbError('client-unreachable', `client ${name} can't be reached any more`, { status: 41 })
}

/** A client that could not read what it was to send: 2. */
export function notRead(name: string): NbError {
  return new NbError('source-unreadable', `client ${name} can't read its data`)
}

/** A client that was not there when its backup began: 58. */
export function notReached(name: string): NbError {
  return new NbError('client-unreachable', `client ${name} can't be reached`)
}
