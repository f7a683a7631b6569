import { decryptionMode, encryptionMode, encryptionScope } from '../../scsi/command-codes.ts'
import type { SetEncryption } from '../../scsi/set-encryption.ts'

/** What is set for an initiator, by itself or by another for all. */
export interface EncryptionParameters extends SetEncryption {
  /** Counts the changes of keys. */
  readonly keyInstance: number
}

const none: EncryptionParameters = {
  ...{ scope: encryptionScope.public, clearOnDemount: false, algorithm: 0, keyInstance: 0 },
  ...{ encryption: encryptionMode.disable, decryption: decryptionMode.disable },
  ...{ key: new Uint8Array(0), keyData: [] },
}

/** The encryption parameters of a drive (SSC-5): each initiator has its own, or those for all. Keys that count no more are wiped. */
export class EncryptionTable {
  readonly #local = new Map<string, EncryptionParameters>()
  #all: EncryptionParameters | undefined
  #keyInstance = 0

  /** What counts for an initiator. */
  of(initiator: string): EncryptionParameters {
    return this.#local.get(initiator) ?? this.#all ?? none
  }

  /** An initiator sets its own, those for all, or gives up its own. */
  set(initiator: string, set: SetEncryption): void {
    this.#keyInstance += 1
    const parameters = { ...set, keyInstance: this.#keyInstance }
    this.#drop(initiator)
    if (set.scope === encryptionScope.local) this.#local.set(initiator, parameters)
    if (set.scope !== encryptionScope.all) return
    this.reset()
    this.#all = parameters
  }

  /** An initiator is gone. */
  lost(initiator: string): void {
    this.#drop(initiator)
  }

  /** The volume is taken out: with it go the keys that were set so. */
  demounted(): void {
    for (const [initiator, { clearOnDemount }] of this.#local) if (clearOnDemount) this.#drop(initiator)
    if (this.#all?.clearOnDemount === true) this.#dropAll()
  }

  /** A reset, or the power was away. */
  reset(): void {
    for (const initiator of this.#local.keys()) this.#drop(initiator)
    this.#dropAll()
  }

  #drop(initiator: string): void {
    this.#local.get(initiator)?.key.fill(0)
    this.#local.delete(initiator)
  }

  #dropAll(): void {
    this.#all?.key.fill(0)
    this.#all = undefined
  }
}
