/**
 * Backups of a server's catalog, and how it comes back from one on an empty machine.
 *
 * @packageDocumentation
 */
export {
  type CatalogBackupParts,
  recoveryWriter,
  type RecoveryWriter,
  snapshotFolder,
  withRecoveryFiles,
  withSnapshots,
} from './catalog-backup.ts'
export { recover, type RecoverOptions } from './recover.ts'
export {
  readRecoveryFile,
  type Recovery,
  type RecoveryCommands,
  type UnitPlace,
  type UnitPlaces,
  writeRecoveryFile,
} from './recovery-file.ts'
