import type { CallOptions } from './call-options.ts'

/** A way in which a drive encrypts. */
export interface EncryptionAlgorithm {
  /** `AES-256-GCM`, or the number that the standard gives it, in hexadecimal, for one that has no name here. */
  readonly name: string
  /** Length of its keys, bytes. */
  readonly keyBytes: number
  /** The longest label that a key may have, characters. */
  readonly mostLabelLength: number
}

/** What a drive can encrypt by, and what it does at the moment. */
export interface TapeEncryptionStatus {
  /** Empty for a drive that doesn't encrypt, or not at our word. */
  readonly algorithms: readonly EncryptionAlgorithm[]
  /** Present while a key is set. */
  readonly active?: {
    /** Absent for a key that somebody else has set without one. */
    readonly keyLabel?: string
    readonly reads: TapeEncryptionSetting['reads']
  }
}

/** With which key blocks are encrypted and decrypted. */
export interface TapeEncryptionSetting {
  /** As long as the algorithm wants it: 32 bytes. It may be wiped when the call has ended. Never logged, nor told by an error. */
  readonly key: Uint8Array
  /** Its name, 1–30 characters of printable ASCII: stands in clear on the tape with each block, so that whoever reads it knows which key is asked for. */
  readonly keyLabel: string
  /** Whether blocks that are not encrypted are read as well, or refused. */
  readonly reads: 'encrypted' | 'mixed'
}

/** What is known of the object before which the drive stands. */
export interface NextBlockEncryption {
  /**
   * `clear`: a block that is not encrypted; `readable`: encrypted with the key that is set; `unreadable`: with another, or in a way that
   * the drive doesn't know; `no-block`: a filemark, or nothing; `unknown`: the drive can't tell, or not now.
   */
  readonly state: 'clear' | 'readable' | 'unreadable' | 'no-block' | 'unknown'
  /** What the key of an encrypted block is called, where it was given a label. */
  readonly keyLabel?: string
}

/**
 * Encryption by the drive: blocks are encrypted on their way to the tape and decrypted on their way back. Belongs to a `TapeDrive`, whose commands it
 * takes its turn with.
 *
 * Obligations: the key counts for this user of the drive alone, from the call's end until `clear`, another `set`, or the volume's unloading.
 * While it's set nothing is written in clear: what a reset or a lost connection has taken from the drive is set again before anything goes on.
 * A block whose key isn't set is never delivered: `readBlock` rejects with `key-missing` (`details.keyLabel` names the key where the tape
 * does), standing before the block. One that was changed on the tape rejects with `media-read-failed`. With reads of `encrypted` a block
 * in clear rejects with `media-read-failed`, `details.meaning` `not-encrypted`. After `load` no key is set.
 */
export interface TapeEncryption {
  /** What is offered, and what is set; needs no volume. A drive that doesn't encrypt answers too. */
  status(options?: CallOptions): Promise<TapeEncryptionStatus>
  /**
   * Encrypts and decrypts with this key from now on. Rejects with `not-supported` (the drive doesn't encrypt, or not with keys of this
   * length), `argument-invalid` (`details.field`), `drive-not-ready`.
   */
  set(setting: TapeEncryptionSetting, options?: CallOptions): Promise<void>
  /** Encrypts no more, and has the drive forget the key. Idempotent; also on a drive that doesn't encrypt. */
  clear(options?: CallOptions): Promise<void>
  /** What the object at the position is. A drive that doesn't encrypt answers `unknown`. Rejects with `drive-not-ready`. */
  nextBlock(options?: CallOptions): Promise<NextBlockEncryption>
}
