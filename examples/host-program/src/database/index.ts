/**
 * The database of a server's state folder: opened by one process at a time, and only when its checksums are right.
 *
 * @packageDocumentation
 */
export { asDamaged, type DatabaseEvents, lossWarning, openDatabase } from './open-database.ts'
