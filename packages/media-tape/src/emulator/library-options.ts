import type { CdbName } from '../scsi/cdb-fields.ts'
import type { EmulatorFault } from './faults/emulator-fault.ts'
import { checkWhole, makeVolume, type Volume, type VolumeOptions } from './medium/volume.ts'
import { instantTimings, scaledTimings, type TapeTimings } from './timings.ts'

/** What an emulated library is like. */
export interface TapeEmulatorOptions {
  /** Storage slots, 1–10000. */
  readonly slots: number
  /** Slots through which volumes come and go, 0–100. @default 2 */
  readonly mailSlots?: number
  /** Drives, 1–100, named `drive1`, `drive2`, … */
  readonly drives: number
  /** Bytes that fit on a volume, from 1 on. */
  readonly capacityBytes: number
  /** The last bytes of the capacity, in which the early warning is given. @default a hundredth of the capacity */
  readonly earlyWarningBytes?: number
  /** Volumes of a new library, in the slots from the first on; a name stands for a data cartridge. @default E00001L8, E00002L8, … in all slots but the last */
  readonly volumes?: readonly (string | VolumeOptions)[]
  /** @default instantTimings */
  readonly timings?: TapeTimings
  /** Makes the machinery slower, or below 1 faster, above 0. @default 1 */
  readonly timeFactor?: number
  /** Drives thread what is put into them by themselves; else a host loads it. @default true */
  readonly autoLoad?: boolean
  /** How many times smaller blocks get while a host has compression switched on (it is at first), from 1 on. @default 1 */
  readonly compressionRatio?: number
  /** For so long the tape of a drive runs until it asks to be cleaned; milliseconds. @default never */
  readonly cleanAfterMs?: number
  /** Commands under way at once on one transport, 1–256. @default 16 */
  readonly queueDepth?: number
  /** Commands that its units don't have, as many real ones lack some. @default none */
  readonly lacks?: readonly CdbName[]
  /** What goes wrong, and when. @default nothing */
  readonly faults?: readonly EmulatorFault[]
  /** Decides how much of the buffers gets to the tapes when the power goes. @default nothing */
  readonly powerLossSeed?: number
  /** Serial numbers begin with it, so that libraries can be told apart: 1–8 letters and digits. @default 'EMU' */
  readonly serialPrefix?: string
}

/** The options with defaults in place. */
export interface LibrarySettings extends Required<
  Omit<TapeEmulatorOptions, 'volumes' | 'timeFactor' | 'powerLossSeed'>
> {
  readonly volumes: readonly Volume[]
  readonly contents: ReadonlyMap<string, readonly (Uint8Array | null)[]>
  readonly powerLossSeed: number | undefined
}

/** Throws `TypeError` for an option out of bounds. */
export function checkOptions(options: TapeEmulatorOptions): LibrarySettings {
  const { slots, drives, capacityBytes, mailSlots = 2, compressionRatio = 1, queueDepth = 16 } = options
  checkWhole('slots', slots, 1, 10_000)
  checkWhole('drives', drives, 1, 100)
  checkWhole('mailSlots', mailSlots, 0, 100)
  checkWhole('capacityBytes', capacityBytes, 1, Number.MAX_SAFE_INTEGER)
  checkWhole('queueDepth', queueDepth, 1, 256)
  const { earlyWarningBytes = Math.ceil(capacityBytes / 100), cleanAfterMs = Infinity } = options
  checkWhole('earlyWarningBytes', earlyWarningBytes, 0, capacityBytes)
  if (!(compressionRatio >= 1))
    throw new TypeError(`compressionRatio is ${compressionRatio}; allowed: from 1 on`)
  if (!(cleanAfterMs > 0)) throw new TypeError(`cleanAfterMs is ${cleanAfterMs}; allowed: positive numbers`)
  const { serialPrefix = 'EMU', volumes = defaultVolumes(slots) } = options
  if (!/^[A-Za-z0-9]{1,8}$/.test(serialPrefix))
    throw new TypeError(`serialPrefix is ${JSON.stringify(serialPrefix)}; allowed: 1–8 letters and digits`)
  if (volumes.length > slots) throw new TypeError(`${volumes.length} volumes do not fit into ${slots} slots`)
  const wanted = volumes.map((one) => (typeof one === 'string' ? { name: one } : one))
  const made = wanted.map((one) => makeVolume(one, { capacityBytes, earlyWarningBytes }))
  if (new Set(made.map(({ name }) => name)).size !== made.length)
    throw new TypeError('two cartridges have the same name')
  return {
    slots,
    mailSlots,
    drives,
    capacityBytes,
    earlyWarningBytes,
    volumes: made,
    contents: new Map(wanted.map(({ name, contents = [] }) => [name, contents])),
    timings: scaledTimings(options.timings ?? instantTimings, options.timeFactor ?? 1),
    autoLoad: options.autoLoad ?? true,
    compressionRatio,
    cleanAfterMs,
    queueDepth,
    lacks: options.lacks ?? [],
    faults: options.faults ?? [],
    powerLossSeed: options.powerLossSeed,
    serialPrefix,
  }
}

function defaultVolumes(slots: number): readonly string[] {
  const volumes = Math.max(1, slots - 1)
  return Array.from({ length: volumes }, (_, index) => `E${String(index + 1).padStart(5, '0')}L8`)
}
