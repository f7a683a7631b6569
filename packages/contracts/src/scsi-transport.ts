import type { CallOptions } from './call-options.ts'

/** One command for a SCSI logical unit. */
export interface ScsiCommand {
  /** Command descriptor block of 6, 10, 12 or 16 bytes (SPC-4, 4.3). */
  readonly cdb: Uint8Array
  /** What goes to the unit. Not to be changed before the command has ended. */
  readonly dataOut?: Uint8Array
  /** Where what comes from the unit goes, from its first byte on; at most as long as the CDB allows. A command has one direction. */
  readonly dataIn?: Uint8Array
  /** Longest time for the whole command, milliseconds from 1 on; the motions of a tape take minutes. @default 60 000 */
  readonly timeoutMs?: number
  /**
   * The {@link ScsiTransport.nexus} it is meant for: on any other it is refused with `scsi-transport-lost`, unsent. For a command that
   * makes sense only after those before it, as the next block of a tape does. @default whichever is there
   */
  readonly nexus?: number
}

/** How a command ended. A status that is not GOOD is an answer, not an error: what it means depends on the command. */
export interface ScsiResult {
  /** Status byte (SAM-5, 5.3.1). */
  readonly status: number
  /** Sense data as they came, fixed or descriptor format; with CHECK CONDITION always. */
  readonly sense?: Uint8Array
  /** Bytes put into `dataIn`. */
  readonly dataInBytes: number
  /** Bytes of `dataOut` that the unit took, as far as the transport is told. */
  readonly dataOutBytes: number
}

/**
 * A way to one SCSI logical unit. A local power of the host that reaches it: bytes go through calls, so it never crosses a wire.
 *
 * Obligations: commands reach the unit in the order of the calls, as simple tasks; up to {@link queueDepth} are under way at once,
 * further ones wait their turn here. Each call ends exactly once. `execute` resolves with whatever status the unit gave, sense data
 * included, and rejects only where there is none: `scsi-transport-lost`, `scsi-timeout`, `argument-invalid`, or an abort. After a rejection
 * it is not known whether the command has run, unless the error's `details.sent` is false; nobody repeats a command here,
 * since writing twice is not writing once. A transport that was lost connects again with the next command; `nexus` has then another
 * number, and whoever counts on a state of the unit (a position, a reservation, a mode) has it verified first. A loss ends the
 * commands that wait as well (unsent), so that none of them overtakes one whose end is unknown. An abort by signal takes a command that has not
 * begun out of the row; one under way is aborted at the unit, and the call ends when the unit no longer works on it: with the
 * unit's answer where that was faster. So it is with a command whose time is up.
 */
export interface ScsiTransport {
  /** Which unit it is, for people: `iscsi://host:3260/iqn.2026-11.lan.example:library/1`, `/dev/sg3`. */
  readonly name: string
  /** Most commands under way at once, from 1 on. */
  readonly queueDepth: number
  /** Number of the present connection between here and the unit; another after each loss. 0 before the first. */
  readonly nexus: number
  /** Connects. Idempotent. Rejects with `scsi-transport-lost` (nobody answers), `scsi-access-denied` (the unit's side refuses us, or we it). */
  open(options?: CallOptions): Promise<void>
  /** Lets go; commands under way end with `scsi-transport-lost`. Idempotent; it can be opened again. */
  close(): Promise<void>
  /** Runs one command; connects first where it must. */
  execute(command: ScsiCommand, options?: CallOptions): Promise<ScsiResult>
  /** Resets the logical unit: all its commands end, and it tells so by a unit attention. Rejects as `execute` does. */
  reset(options?: CallOptions): Promise<void>
}
