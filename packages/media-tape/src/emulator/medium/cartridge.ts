import type { TapeIndex } from './tape-index.ts'

/** What is recorded on one tape: blocks and filemarks in a row. The medium under an emulated drive; one user at a time. */
export interface Cartridge {
  /** Where everything is. */
  readonly index: TapeIndex
  /** Objects from the beginning that no loss of power can take. */
  readonly durableObjects: number
  /** The bytes of the block that is object `at`, as they were recorded, or `undefined` when they are damaged. They are not to be changed. */
  read(at: number): Promise<Uint8Array | undefined>
  /** Forgets object `at` and all after it, durably. */
  cut(at: number): Promise<void>
  /**
   * Records a block at the end, with the bytes it takes on the medium; the data may be reused afterwards. `isEncrypted`: it is what a drive has
   * made of a block. @default false
   */
  appendBlock(data: Uint8Array, mediaBytes?: number, isEncrypted?: boolean): Promise<void>
  /** Records a filemark at the end. */
  appendFilemark(): Promise<void>
  /** Makes all of it durable. */
  sync(): Promise<void>
  /** Lets go of it. */
  close(): Promise<void>
}

/**
 * Where cartridges are kept, and how the library stood when it was switched off. Records are JSON values, each under a
 * name of 1–40 characters `A–Z a–z 0–9 . -`.
 */
export interface CartridgeStore {
  /** Opens a tape, blank when it was never written. One that is open is not opened again. */
  open(name: string): Promise<Cartridge>
  /** The record of that name as it was saved last, or `undefined`. */
  load(name: string): Promise<unknown>
  /** Durable when it resolves; whatever happens the old record or the new one is there. */
  save(name: string, record: unknown): Promise<void>
}
