import type { MediaManager } from '@nb/contracts'
import {
  allocationRequest,
  allocationResult,
  drive,
  resourceChange,
  storageUnit,
  storageUnitGroup,
  upOrDown,
  volume,
  volumePool,
} from '../schemas/media.ts'
import { allocation, blocker, mediaNeed } from '../schemas/resources.ts'
import { closed, empty, flag, list, maybe, nothing, text } from '../schemas/schema.ts'
import { call, type InputOf, type OutputOf, type PortContract, stream } from './port-contract.ts'

type In<Name extends keyof MediaManager> = InputOf<MediaManager, Name>

const byName = closed<{ readonly name: string }>({ name: text })
const perhapsByName = closed<{ readonly name?: string }>({ name: maybe(text) })

export const mediaManagerContract: PortContract<MediaManager> = {
  putStorageUnit: call(storageUnit, nothing),
  removeStorageUnit: call(byName, nothing),
  setStorageUnitState: call(
    closed<In<'setStorageUnitState'>>({ name: text, state: upOrDown, reason: maybe(text) }),
    nothing,
  ),
  storageUnits: stream(perhapsByName, storageUnit),
  putGroup: call(storageUnitGroup, nothing),
  removeGroup: call(byName, nothing),
  groups: stream(perhapsByName, storageUnitGroup),
  putPool: call(volumePool, nothing),
  pools: stream(perhapsByName, volumePool),
  putVolume: call(volume, nothing),
  volumes: stream(closed<In<'volumes'>>({ volumeId: maybe(text), pool: maybe(text) }), volume),
  putDrive: call(drive, nothing),
  drives: stream(perhapsByName, drive),
  allocate: call(allocationRequest, allocationResult),
  blockers: call(
    closed<In<'blockers'>>({ need: mediaNeed }),
    closed<OutputOf<MediaManager, 'blockers'>>({ possible: flag, blockers: list(blocker) }),
  ),
  release: call(closed<In<'release'>>({ allocationId: text }), nothing),
  allocations: stream(closed<In<'allocations'>>({ jobId: maybe(text) }), allocation),
  watch: stream(empty, resourceChange),
}
