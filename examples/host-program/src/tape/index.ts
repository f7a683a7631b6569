/**
 * A tape library of a host: its options, how it is opened, and the devices and storage unit that are made of it.
 *
 * @packageDocumentation
 */
export { addTapeKey, checkTapeKeys } from './tape-keys.ts'
export { composeTape, type ComposedTape, type TapeGround, type TapeParts } from './compose-tape.ts'
export { openTape, tapeStorageUnit } from './start-tape.ts'
export {
  addTapeOptions,
  addTapeStreams,
  chapOption,
  readTapeOptions,
  type SaidOfTapes,
} from './tape-options.ts'
export type { TapeSettings } from './tape-settings.ts'
