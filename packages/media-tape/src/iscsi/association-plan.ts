import type { NbError } from '@nb/contracts'
import type { LoginIdentity } from './login.ts'
import type { ParameterWishes } from './parameters.ts'
import type { IscsiPortal } from './portal.ts'
import type { DataIn, ReadyToTransfer, ScsiResponse } from './responses.ts'

/** PDUs that belong to SCSI commands. */
export type TaskPdu = DataIn | ScsiResponse | ReadyToTransfer

/** Who uses an association for SCSI commands. */
export interface AssociationUser {
  /** Whether a task tag belongs to a command under way. */
  readonly uses: (taskTag: number) => boolean
  /** Where data go. @throws NbError when they may not come */
  readonly placeFor: (pdu: DataIn) => Uint8Array
  /** A PDU of a command is there. @throws NbError when it may not come */
  readonly take: (pdu: TaskPdu, data: Uint8Array) => void
  /** The target, or the network, may take more than before. */
  readonly room: () => void
  /** It is over; `waitMs` is how long the target wants to be left alone. Told once. */
  readonly lost: (error: NbError, waitMs: number) => void
  /** The target wants it to end soon. */
  readonly leave: () => void
}

/** How to make an association. Times in milliseconds. */
export interface AssociationPlan {
  readonly portal: IscsiPortal
  readonly identity: LoginIdentity
  readonly wishes: ParameterWishes
  /** Our side of the session's name, six bytes; the same again takes the place of a session that the target still has. */
  readonly sessionId: Buffer
  readonly connectTimeoutMs: number
  readonly loginTimeoutMs: number
  readonly pingIntervalMs: number
  readonly pingTimeoutMs: number
}
