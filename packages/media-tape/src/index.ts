/**
 * Tape drives and libraries: SCSI transports, the tape format, mounts, and an emulator.
 *
 * @packageDocumentation
 */
export {}
