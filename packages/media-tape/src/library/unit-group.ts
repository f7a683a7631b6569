import type { NbError, ScsiTransport } from '@nb/contracts'
import type { UnitIdentity } from './find-units.ts'

/** A unit that can be used. */
export interface ReachedUnit extends UnitIdentity {
  /** What it is called among the others: `LUN 3`, `/dev/sg3`. */
  readonly name: string
  /** Its logical unit at the target; absent for devices of this host. */
  readonly lun?: number
  readonly transport: ScsiTransport
}

/** Units that are reached one way: those of a target, or devices of this host. */
export interface UnitGroup {
  /** `iscsi://host:port/target`, or the path that was named first. */
  readonly name: string
  readonly units: readonly ReachedUnit[]
  /** Which one the name says, where it says one. */
  readonly named?: ReachedUnit
  /** The drives were looked for on this host: some may be of another library. @default false */
  readonly searched?: boolean
  /** Why drives of this host are not among them that were found. @default none were left out */
  readonly leftOut?: readonly NbError[]
  /** Lets go of all of them. Idempotent. */
  close(): Promise<void>
}
