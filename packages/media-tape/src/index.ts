/**
 * Tape drives and libraries. This version has an emulated library in process: slots with barcoded volumes, a robot, and
 * drives with the commands, limits and times of real ones.
 *
 * ```ts
 * import { systemClock } from '@nb/contracts'
 * import { createEmulatedLibrary } from '@nb/media-tape'
 *
 * const library = createEmulatedLibrary({ clock: systemClock() }, { slots: 4, drives: 1, capacityBytes: 1_000_000 })
 * await library.start()
 * await library.robot.move({ from: { kind: 'slot', number: 1 }, to: { kind: 'drive', number: 1 } })
 *
 * const [drive] = library.drives
 * if (drive === undefined) throw new Error('the library has a drive')
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
 * `TapeDrive` and `TapeRobot` of `@nb/contracts` are written as obligations, to be met by drives behind SCSI transports as
 * well. A transport over iSCSI is there; the tape format and the `MediaStore` on tape come later, and nothing pretends to be
 * them.
 *
 * @packageDocumentation
 */
export {
  createEmulatedLibrary,
  type EmulatedLibrary,
  type EmulatedLibraryComponents,
  type EmulatedLibraryOptions,
} from './emulated-library.ts'
export { instantTimings, lto8Timings, type TapeTimings } from './tape-timings.ts'
export { CartridgeIndex, type Cartridge, type CartridgeStore, type LibraryLayout } from './cartridge.ts'
export { memoryCartridges } from './memory-cartridges.ts'
export { directoryCartridges } from './directory-cartridges.ts'
export { createIscsiTransport, type IscsiTransportOptions } from './iscsi/iscsi-transport.ts'
export { createIscsiSession, type IscsiComponents, type IscsiSession } from './iscsi/session.ts'
export type { IscsiChap, IscsiPortalOptions, IscsiSessionOptions } from './iscsi/options.ts'
export type { DigestChoice } from './iscsi/parameters.ts'
export type { IscsiPortal } from './iscsi/portal.ts'
export { discoverTargets, type DiscoveredTarget } from './iscsi/discovery.ts'
export { parseIscsiUrl, type IscsiUrl } from './iscsi/iscsi-url.ts'
