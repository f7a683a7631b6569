import type { Policy, StorageUnitGroup } from '@nb/contracts'
import type { SimulatedClient, SimulatedDiskUnit, SimulatedSite } from '@nb/simulation'

/** A site as its file describes it. */
export interface Site {
  readonly name: string
  readonly timeZone: string
  readonly clients: readonly SimulatedClient[]
  readonly mediaServers: SimulatedSite['mediaServers']
  readonly disks: readonly SimulatedDiskUnit[]
  readonly libraries: readonly Library[]
  readonly groups: readonly StorageUnitGroup[]
  readonly policies: readonly Policy[]
  readonly failures: NonNullable<SimulatedSite['failures']>
  readonly jobsPerClient: number
}

/** A tape library: a storage unit with drives and volumes of one kind. */
export interface Library {
  readonly name: string
  readonly mediaServer: string
  readonly density: string
  readonly drives: number
  readonly writeBytesPerSecond: number
  readonly mountMs?: number
  readonly unmountMs?: number
  readonly positionMs?: number
  readonly multiplexing: number
  readonly volumes: number
  readonly capacityBytes: number
}
