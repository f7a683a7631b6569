import type { LogicalUnit } from '../target/logical-unit.ts'
import type { ModeHeader } from '../target/mode-commands.ts'
import type { EncryptionTable } from './encryption-parameters.ts'
import type { Mechanism, Medium } from './mechanism.ts'

/** What the commands of a drive work on. */
export interface DriveContext {
  readonly unit: LogicalUnit
  readonly mechanism: Mechanism
  readonly header: ModeHeader
  readonly encryption: EncryptionTable
  /** How many times smaller blocks get when they are compressed, from 1 on. */
  readonly compressionRatio: number
  /** Keeps what a volume remembers; durable when it resolves. */
  save(medium: Medium): Promise<void>
}

/** Whether so much of the medium is used before the position that its end is near. A medium without an early warning tells nothing. */
export function isNearEnd({ volume, cartridge }: Medium, at: number): boolean {
  const { capacityBytes, earlyWarningBytes } = volume
  return earlyWarningBytes > 0 && cartridge.index.mediaBytesBefore(at) >= capacityBytes - earlyWarningBytes
}
