import type { DeviceOperations, Drive, MediaManager, ResourceBroker } from '@nb/contracts'
import type { Claim } from '../claims.ts'
import type { PortRules } from '../port-rules.ts'
import { administers, internal, operates, reads, self, stated } from '../rules.ts'

const named = ({ name }: { readonly name: string }): string => name
const volume = ({ volumeId }: { readonly volumeId: string }): string => volumeId
const robot = ({ robot }: { readonly robot: string }): string => robot

const ownVolume = ({ volumeId }: { readonly volumeId: string }): readonly Claim[] => [
  { kind: 'own-volume', name: volumeId },
]
const ownDrive = (name: string): Claim => ({ kind: 'own-drive', name })
/** A media server says which drives it has, of no other's robot. */
const itsDrive = ({ name, mediaServer, robot }: Drive): readonly Claim[] => [
  self(mediaServer),
  { kind: 'new-or-own', device: 'own-drive', name },
  ...(robot === undefined ? [] : [{ kind: 'new-or-own', device: 'own-robot', name: robot } as const]),
]
const ownRobot = (name: string): Claim => ({ kind: 'own-robot', name })

export const mediaRules: PortRules<MediaManager> = {
  putStorageUnit: administers(named),
  removeStorageUnit: administers(named),
  setStorageUnitState: operates(named),
  storageUnits: reads({ 'media-server': 'any' }),
  putMediaServer: administers(named),
  mediaServers: reads({ 'media-server': 'any' }),
  reportLoad: internal(named, { 'media-server': ({ name }) => [self(name)] }),
  reportSpace: internal(({ storageUnit }) => storageUnit, {
    'media-server': ({ storageUnit }) => [{ kind: 'own-unit', name: storageUnit }],
  }),
  // Its device manager says when a robot is down, and when it answers again.
  putRobot: administers(named, { 'media-server': ({ name }) => [ownRobot(name)] }),
  robots: reads({ 'media-server': 'any' }),
  putGroup: administers(named),
  removeGroup: administers(named),
  groups: reads({ 'media-server': 'any' }),
  putPool: administers(named),
  pools: reads({ 'media-server': 'any' }),
  putVolume: operates(volume, {
    'media-server': ({ volumeId, robot }) => [
      ...ownVolume({ volumeId }),
      ...(robot === undefined ? [] : [ownRobot(robot)]),
    ],
  }),
  volumes: reads({ 'media-server': 'any' }),
  setVolumeState: operates(volume, { 'media-server': ownVolume }),
  assignImage: internal(volume),
  unassignImage: internal(({ backupId }) => backupId),
  volumeImages: reads({ 'media-server': ownVolume }),
  recordMount: internal(volume, {
    'media-server': ({ volumeId, drive }) => [...ownVolume({ volumeId }), ownDrive(drive)],
  }),
  recordUnmount: internal(({ drive }) => drive, { 'media-server': ({ drive }) => [ownDrive(drive)] }),
  recordPlace: internal(volume, {
    'media-server': ({ volumeId, robot }) => [
      ...ownVolume({ volumeId }),
      ...(robot === undefined ? [] : [ownRobot(robot)]),
    ],
  }),
  recordLabel: internal(volume, { 'media-server': ownVolume }),
  recordVolumeFiles: internal(volume, { 'media-server': ownVolume }),
  setDriveState: operates(named, { 'media-server': ({ name }) => [ownDrive(name)] }),
  recordDriveUse: internal(({ drive }) => drive, { 'media-server': ({ drive }) => [ownDrive(drive)] }),
  recordCleaning: operates(({ drive }) => drive, { 'media-server': ({ drive }) => [ownDrive(drive)] }),
  reportError: internal(({ drive }) => drive, { 'media-server': ({ drive }) => [ownDrive(drive)] }),
  mediaErrors: reads({ 'media-server': 'any' }),
  forgetErrors: operates(({ volumeId, drive }) => [volumeId, drive].filter(Boolean).join(' ')),
  // A media server registers the drives that it has found.
  putDrive: administers(named, { 'media-server': itsDrive }),
  drives: reads({ 'media-server': 'any' }),
  allocate: internal(({ jobId }) => jobId),
  blockers: reads(),
  release: internal(({ allocationId }) => allocationId),
  allocations: reads({ 'media-server': 'any' }),
  watch: reads(),
}

export const brokerRules: PortRules<ResourceBroker> = {
  acquire: internal(({ jobId }) => jobId),
  renew: internal(({ leaseId }) => leaseId),
  release: administers(({ leaseId }) => leaseId),
  setPriority: operates(({ jobId }) => jobId),
  deny: operates(({ jobId }) => jobId),
  explain: reads(),
  queue: reads(),
  grants: reads(),
  reconcile: {
    effect: ({ repair }) => (repair ? 'changes' : 'reads'),
    may: { administrator: 'any', operator: 'any', viewer: ({ repair }) => [stated(!repair)] },
  },
}

export const deviceRules: PortRules<DeviceOperations> = {
  inventory: reads({ master: 'any' }),
  updateInventory: operates(robot, { master: 'any' }),
  inject: operates(robot, { master: 'any' }),
  eject: operates(volume, { master: 'any' }),
  label: administers(volume, { master: 'any', operator: ({ overwrite }) => [stated(overwrite !== true)] }),
}
