import type { Clock, Files, JobLog, Lifecycle, MediaManager } from '@nb/contracts'
import {
  createDeviceManager,
  createTapeStore,
  type DeviceManager,
  type OpenTapeLibrary,
  openTapeKeyFile,
} from '@nb/media-tape'
import { reservationKeyOf } from './reservation-key.ts'
import { tapeStart } from './start-tape.ts'
import type { TapeSettings } from './tape-settings.ts'

/** What the devices of a host stand on. */
export interface TapeGround {
  readonly media: MediaManager
  readonly log: JobLog
  readonly files: Files
  readonly clock: Clock
  /** Is told what an administrator must know. @default nobody is */
  readonly warn?: (text: string) => void
}

/** A library of a host, and what becomes of it. */
export interface TapeParts {
  /** A tape library, opened and closed by the caller; absent where there is none. */
  readonly library: OpenTapeLibrary | undefined
  /** Whose drives they are. */
  readonly mediaServer: string
  /** Its storage unit. */
  readonly storageUnit: string
  /** Folder of the server's state: of it is the key under which drives are reserved. */
  readonly stateDirectory: string
  readonly settings?: Omit<TapeSettings, 'access'>
  /** Makes the storage unit at the start, with fragments of at most so many bytes. @default an administrator adds it */
  readonly maxFragmentBytes?: number
}

/** The tape part of a media server. */
export interface ComposedTape {
  /** Without a library there are no robots; whoever asks for one is told so. */
  readonly devices: DeviceManager
  /** By its storage unit, where there is a library. */
  readonly stores: Readonly<Record<string, ReturnType<typeof createTapeStore>>>
  /** Starts after the media manager knows its media server. */
  readonly life: Lifecycle
}

/** A tape library as a storage unit, for a media server of this process or of this host. */
export function composeTape(
  { media, log, files, clock, warn }: TapeGround,
  { library, mediaServer, storageUnit, stateDirectory, settings = {}, maxFragmentBytes }: TapeParts,
): ComposedTape {
  if (library === undefined)
    return { devices: createDeviceManager({ robots: {}, drives: {}, media, clock }), stores: {}, life: {} }
  const { streamsPerDrive = 1, unmountDelayMs, recoveryIntervalMs, keyFile } = settings
  const robot = library.robot.name
  const devices = createDeviceManager(
    {
      robots: { [robot]: library.robot.robot },
      drives: Object.fromEntries(library.drives.map(({ name, drive }) => [name, { drive, robot }])),
      media,
      clock,
      log,
      ...(warn && { warn }),
      ...(keyFile === undefined ? {} : { keys: openTapeKeyFile({ files }, { path: keyFile }) }),
    },
    {
      reservationKey: reservationKeyOf(stateDirectory),
      cleaningFrequencyHours: settings.cleaningFrequencyHours ?? 0,
      ...(unmountDelayMs === undefined ? {} : { unmountDelayMs }),
      ...(recoveryIntervalMs === undefined ? {} : { recoveryIntervalMs }),
    },
  )
  const store = createTapeStore({ mounts: devices, media, clock, log }, { storageUnit })
  const unit =
    maxFragmentBytes === undefined
      ? {}
      : { unit: { name: storageUnit, maxFragmentBytes, maxStreamsPerDrive: streamsPerDrive } }
  return {
    devices,
    stores: { [storageUnit]: store },
    life: tapeStart(media, library, devices, { mediaServer, ...unit, ...(warn && { warn }) }),
  }
}
