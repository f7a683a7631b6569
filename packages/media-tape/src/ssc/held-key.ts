import type { TapeEncryptionSetting } from '@nb/contracts'
import type { AlgorithmDescriptor } from '../scsi/encryption-capabilities.ts'

/** What a drive was told to encrypt with. The key is a copy of ours, which is wiped when it's dropped. */
export interface HeldKey extends Omit<TapeEncryptionSetting, 'key'> {
  readonly key: Buffer
  readonly algorithm: AlgorithmDescriptor
  /** The connection over which the drive was told; absent until it was. */
  nexus?: number
  /** Something happened that may have taken it from the drive. */
  doubted?: boolean
}
