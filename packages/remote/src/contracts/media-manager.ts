import type { MediaManager } from '@nb/contracts'
import {
  allocationRequest,
  allocationResult,
  drive,
  driveState,
  mediaError,
  mediaErrorVerdict,
  mediaServerEntry,
  newMediaError,
  resourceChange,
  robot,
  spaceReport,
  storageUnit,
  storageUnitGroup,
  upOrDown,
  volume,
  volumePool,
  volumeState,
} from '../schemas/media.ts'
import { allocation, blocker, mediaNeed, turn } from '../schemas/resources.ts'
import { closed, empty, flag, fraction, integer, list, maybe, nothing, text } from '../schemas/schema.ts'
import { call, type InputOf, type OutputOf, type PortContract, stream } from './port-contract.ts'

type In<Name extends keyof MediaManager> = InputOf<MediaManager, Name>

const byName = closed<{ readonly name: string }>({ name: text })
const perhapsByName = closed<{ readonly name?: string }>({ name: maybe(text) })

const volumeOrDrive = closed<In<'forgetErrors'>>({ volumeId: maybe(text), drive: maybe(text) })

export const mediaManagerContract: PortContract<MediaManager> = {
  putStorageUnit: call(storageUnit, nothing),
  removeStorageUnit: call(byName, nothing),
  setStorageUnitState: call(
    closed<In<'setStorageUnitState'>>({ name: text, state: upOrDown, reason: maybe(text) }),
    nothing,
  ),
  storageUnits: stream(perhapsByName, storageUnit),
  putMediaServer: call(mediaServerEntry, nothing),
  mediaServers: stream(perhapsByName, mediaServerEntry),
  reportLoad: call(closed<In<'reportLoad'>>({ name: text, load: fraction }), nothing),
  reportSpace: call(spaceReport, nothing),
  putRobot: call(robot, nothing),
  robots: stream(perhapsByName, robot),
  putGroup: call(storageUnitGroup, nothing),
  removeGroup: call(byName, nothing),
  groups: stream(perhapsByName, storageUnitGroup),
  putPool: call(volumePool, nothing),
  pools: stream(perhapsByName, volumePool),
  putVolume: call(volume, nothing),
  volumes: stream(closed<In<'volumes'>>({ volumeId: maybe(text), pool: maybe(text) }), volume),
  setVolumeState: call(
    closed<In<'setVolumeState'>>({ volumeId: text, state: volumeState, reason: maybe(text) }),
    nothing,
  ),
  assignImage: call(
    closed<In<'assignImage'>>({
      volumeId: text,
      backupId: text,
      retentionLevel: integer,
      multiplexed: maybe(flag),
    }),
    nothing,
  ),
  unassignImage: call(
    closed<In<'unassignImage'>>({ backupId: text, volumeId: maybe(text) }),
    closed<OutputOf<MediaManager, 'unassignImage'>>({ unassigned: list(text) }),
  ),
  volumeImages: stream(closed<In<'volumeImages'>>({ volumeId: text }), text),
  recordMount: call(closed<In<'recordMount'>>({ volumeId: text, drive: text }), nothing),
  recordUnmount: call(closed<In<'recordUnmount'>>({ drive: text }), nothing),
  recordPlace: call(
    closed<In<'recordPlace'>>({ volumeId: text, robot: maybe(text), slot: maybe(integer) }),
    nothing,
  ),
  recordLabel: call(
    closed<In<'recordLabel'>>({ volumeId: text, generation: text, labelledAt: integer }),
    nothing,
  ),
  recordVolumeFiles: call(
    closed<In<'recordVolumeFiles'>>({ volumeId: text, generation: text, files: integer }),
    nothing,
  ),
  setDriveState: call(
    closed<In<'setDriveState'>>({ name: text, state: driveState, reason: maybe(text) }),
    nothing,
  ),
  recordDriveUse: call(closed<In<'recordDriveUse'>>({ drive: text, mountMsSinceCleaning: integer }), nothing),
  recordCleaning: call(closed<In<'recordCleaning'>>({ drive: text }), nothing),
  reportError: call(newMediaError, mediaErrorVerdict),
  mediaErrors: stream(volumeOrDrive, mediaError),
  forgetErrors: call(volumeOrDrive, nothing),
  putDrive: call(drive, nothing),
  drives: stream(perhapsByName, drive),
  allocate: call(allocationRequest, allocationResult),
  blockers: call(
    closed<In<'blockers'>>({ need: mediaNeed, turns: maybe(list(turn)) }),
    closed<OutputOf<MediaManager, 'blockers'>>({ possible: flag, blockers: list(blocker) }),
  ),
  release: call(closed<In<'release'>>({ allocationId: text }), nothing),
  allocations: stream(closed<In<'allocations'>>({ jobId: maybe(text) }), allocation),
  watch: stream(empty, resourceChange),
}
