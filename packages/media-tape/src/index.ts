/**
 * Tape drives and libraries, driven from user space by SCSI commands, and an emulated library in process: slots with
 * barcoded volumes, a robot, and drives with the commands, limits, times and faults of real ones.
 *
 * ```ts
 * import { systemClock } from '@nb/contracts'
 * import { createScsiTapeDrive, createScsiTapeRobot, createTapeEmulator } from '@nb/media-tape'
 *
 * const clock = systemClock()
 * const library = createTapeEmulator({ clock }, { slots: 4, drives: 1, capacityBytes: 1_000_000 })
 * await library.start()
 *
 * // From here on as with a real library, whose transports would be createIscsiTransport(…).
 * const robot = createScsiTapeRobot({ transport: library.transport('changer'), clock })
 * await robot.inventory()
 * await robot.move({ from: { kind: 'slot', number: 1 }, to: { kind: 'drive', number: 1 } })
 *
 * const drive = createScsiTapeDrive({ transport: library.transport('drive1'), clock })
 * await drive.load()
 * await drive.writeBlock({ data: Buffer.from('first file') })
 * await drive.writeFilemarks({ count: 1 }) // durable from here on
 * await drive.writeBlock({ data: Buffer.from('second file') })
 * await drive.writeFilemarks({ count: 1 })
 *
 * await drive.rewind()
 * await drive.space({ over: 'filemarks', count: 1 })
 * const target = Buffer.alloc(64)
 * const read = await drive.readBlock({ target })
 * if (read.kind === 'block') console.log(target.toString('utf8', 0, read.blockBytes)) // second file
 * console.log(read.position) // { object: 3, file: 1, endOfData: false, earlyWarning: false }
 * await library.stop()
 * ```
 *
 * Ways to a unit (`ScsiTransport`), drives (`TapeDrive`) and robots (`TapeRobot`) are ports of `@nb/contracts`, each with a
 * published suite, whose reference is the emulated library. `createTapeStore` is a `MediaStore` in the form `nb-tape/1` on the volumes that
 * a device manager (`TapeMounts`) puts into drives; operators see and change through it what a robot has (`DeviceOperations`).
 *
 * @packageDocumentation
 */
export {
  createTapeEmulator,
  type TapeEmulator,
  type TapeEmulatorComponents,
} from './emulator/tape-emulator.ts'
export type { TapeEmulatorOptions } from './emulator/library-options.ts'
export type { Operator, VolumeChange } from './emulator/operator.ts'
export type { StoredAttribute, Volume, VolumeOptions } from './emulator/medium/volume.ts'
export type { EmulatorFault, EmulatorFaultPlan, FaultEffect } from './emulator/faults/emulator-fault.ts'
export { randomFaults, type RandomFaultsInput } from './emulator/faults/random-faults.ts'
export { instantTimings, lto8Timings, scaledTimings, type TapeTimings } from './emulator/timings.ts'
export type { Cartridge, CartridgeStore } from './emulator/medium/cartridge.ts'
export { TapeIndex } from './emulator/medium/tape-index.ts'
export { memoryCartridges } from './emulator/medium/memory-cartridges.ts'
export { openTapeFile } from './emulator/medium/tape-file.ts'
export { directoryCartridges, type DirectoryCartridgesInput } from './emulator/medium/directory-cartridges.ts'
export type { CdbFields, CdbName, ModeSelect, ModeSense, SecurityProtocol } from './scsi/cdb-fields.ts'
export { createScsiTapeDrive } from './ssc/scsi-tape-drive.ts'
export type {
  DriveIdentity,
  ScsiTapeDrive,
  ScsiTapeDriveComponents,
  ScsiTapeDriveOptions,
} from './ssc/scsi-drive-types.ts'
export {
  createScsiTapeRobot,
  type RobotIdentity,
  type InitializeInput,
  type ScsiTapeRobot,
  type ScsiTapeRobotComponents,
  type ScsiTapeRobotOptions,
} from './smc/scsi-tape-robot.ts'
export { createSgTransport, type SgComponents, type SgTransportOptions } from './sg/sg-transport.ts'
export type { SgCalls, SgDevice, SgMemory } from './sg/sg-calls.ts'
export type { HostPlaces } from './sg/generic-nodes.ts'
export { createIscsiTransport, type IscsiTransportOptions } from './iscsi/iscsi-transport.ts'
export { createIscsiSession, type IscsiComponents, type IscsiSession } from './iscsi/session.ts'
export type { IscsiChap, IscsiPortalOptions, IscsiSessionOptions } from './iscsi/options.ts'
export type { DigestChoice } from './iscsi/parameters.ts'
export { type IscsiPortal, printPortal } from './iscsi/portal.ts'
export { discoverTargets, type DiscoveredTarget } from './iscsi/discovery.ts'
export { parseIscsiUrl, type IscsiUrl } from './iscsi/iscsi-url.ts'
export { createDeviceManager } from './devices/device-manager.ts'
export type {
  DeviceManager,
  DeviceManagerComponents,
  DeviceManagerOptions,
  ServedDrive,
} from './devices/device-manager-types.ts'
export type { ManagedRobot } from './devices/audit.ts'
export { openTapeKeyFile, type TapeKeyFile, type TapeKeyFileComponents } from './encryption/key-file.ts'
export type { TapeKey, TapeKeys } from './encryption/tape-keys.ts'
export type { ManagedDrive } from './devices/drive-bay.ts'
export { type BarcodeRule, volumeIdOf, type VolumeIdRule } from './devices/barcode-rules.ts'
export { createTapeStore, type TapeStoreComponents, type TapeStoreOptions } from './store/tape-store.ts'
export type { MultiplexedFileOptions } from './multiplex/multiplexed-file.ts'
export { readTapeLabel } from './volume/read-label.ts'
export { writeTapeLabel } from './volume/write-label.ts'
export { type ChapSecretsInput, readChapSecrets } from './iscsi/chap-secrets.ts'
export {
  defaultInitiatorName,
  type LibraryArguments,
  readLibraryAccess,
  remedyOfLibrary,
  type TapeLibraryAccess,
} from './library/library-access.ts'
export { openUnits, type OpenUnitsComponents, type OpenUnitsOptions } from './library/open-units.ts'
export type { ReachedUnit, UnitGroup } from './library/unit-group.ts'
export type { LocalUnitsComponents } from './library/local-units.ts'
export {
  assembleTapeLibrary,
  describeUnit,
  openTapeLibrary,
  type OpenDrive,
  type OpenTapeLibrary,
  type OpenTapeLibraryOptions,
  type TapeLibraryParts,
} from './library/open-tape-library.ts'
export {
  findUnits,
  type FindUnitsComponents,
  type FoundUnit,
  type UnitIdentity,
} from './library/find-units.ts'
export { type DriveQuirks, tgtDriveQuirks } from './ssc/drive-quirks.ts'
export type { DriveSettings, DriveSettingsChange } from './ssc/drive-settings.ts'
export type { MotionTimes } from './ssc/motion-times.ts'
export type { LibraryDrive } from './smc/drive-elements.ts'
export type { Move } from './smc/robot-errors.ts'
export { type AlertMeaning, type TapeAlert, tapeAlerts } from './scsi/tape-alert.ts'
export { attribute, attributeNumber, attributeText, type MediumAttribute } from './scsi/attributes.ts'
export type { DensityDescriptor } from './scsi/tape-answers.ts'
