import type { Clock, MediaManager, MediaManagerEvents } from '@nb/contracts'
import {
  checkInteger,
  checkName,
  checkOneOf,
  checkOptionalName,
  checkOptionalText,
  checkOptionalTime,
} from './argument-checks.ts'
import { recordCleaning, recordDriveUse, recordMount, recordUnmount, setDriveState } from './hardware.ts'
import type { Ledger } from './ledger.ts'
import { forgetErrors, reportError } from './media-errors.ts'
import type { Settings } from './options.ts'
import { checkFiles, checkPlace, validImage, volumeStates } from './valid-configuration.ts'
import { recordFiles, recordLabel, recordPlace } from './volume-label.ts'
import { assignImage, setVolumeState, unassignImage } from './volume-life.ts'

type MediaMethods = Pick<
  MediaManager,
  | 'setVolumeState'
  | 'assignImage'
  | 'unassignImage'
  | 'recordMount'
  | 'recordUnmount'
  | 'recordPlace'
  | 'recordLabel'
  | 'recordVolumeFiles'
  | 'setDriveState'
  | 'recordDriveUse'
  | 'recordCleaning'
  | 'reportError'
  | 'forgetErrors'
>

/** The methods that follow the life of volumes and drives. */
export function mediaMethods(
  ledger: Ledger,
  clock: Clock,
  { errorPolicy, errorMemory }: Settings,
  tellError: (error: MediaManagerEvents['media:error']) => void,
): MediaMethods {
  return {
    setVolumeState: async ({ volumeId, state, reason }, options) => {
      checkName('volumeId', volumeId)
      checkOneOf('state', state, volumeStates)
      checkOptionalText('reason', reason)
      await ledger.change(options, (inventory) =>
        setVolumeState(inventory, volumeId, state, reason, clock.now()),
      )
    },
    assignImage: async ({ volumeId, backupId, ...input }, options) => {
      checkName('volumeId', volumeId)
      checkName('backupId', backupId)
      const image = validImage(input)
      await ledger.change(options, (inventory) =>
        assignImage(inventory, volumeId, backupId, image, clock.now()),
      )
    },
    unassignImage: async ({ backupId, volumeId }, options) => {
      checkName('backupId', backupId)
      checkOptionalName('volumeId', volumeId)
      return ledger.alone(options, async () => {
        const { inventory } = ledger
        const batch = unassignImage(inventory, backupId, volumeId)
        const unassigned = batch.flatMap(({ table, key, value }) =>
          table === 'volumes' && value?.assignedAt === undefined ? [key] : [],
        )
        await ledger.commit(batch)
        return { unassigned }
      })
    },
    recordMount: async ({ volumeId, drive }, options) =>
      ledger.change(options, (inventory) => recordMount(inventory, volumeId, drive, clock.now())),
    recordUnmount: async ({ drive }, options) =>
      ledger.change(options, (inventory) => recordUnmount(inventory, drive)),
    recordPlace: async ({ volumeId, robot, slot }, options) => {
      checkPlace(robot, slot)
      await ledger.change(options, (inventory) => recordPlace(inventory, volumeId, robot, slot))
    },
    recordLabel: async ({ volumeId, generation, labelledAt }, options) => {
      checkName('generation', generation)
      checkOptionalTime('labelledAt', labelledAt)
      await ledger.change(options, (inventory) => recordLabel(inventory, volumeId, generation, labelledAt))
    },
    recordVolumeFiles: async ({ volumeId, generation, files }, options) => {
      checkName('generation', generation)
      checkFiles(files)
      await ledger.change(options, (inventory) => recordFiles(inventory, volumeId, generation, files))
    },
    setDriveState: async ({ name, state, reason }, options) =>
      ledger.change(options, (inventory) => setDriveState(inventory, name, state, reason)),
    recordDriveUse: async ({ drive, mountMsSinceCleaning }, options) => {
      checkInteger('mountMsSinceCleaning', mountMsSinceCleaning, 0, Number.MAX_SAFE_INTEGER, ' ms')
      await ledger.change(options, (inventory) => recordDriveUse(inventory, drive, mountMsSinceCleaning))
    },
    recordCleaning: async ({ drive }, options) =>
      ledger.change(options, (inventory) => recordCleaning(inventory, drive, clock.now())),
    reportError: async (input, options) =>
      ledger.alone(options, async () => {
        const at = clock.now()
        const noted = reportError(ledger.inventory, { ...input, at }, errorPolicy, errorMemory)
        await ledger.commit(noted.batch)
        tellError({ ...noted.error, ...noted.verdict })
        return noted.verdict
      }),
    forgetErrors: async (input, options) =>
      ledger.change(options, (inventory) => forgetErrors(inventory, input)),
  }
}
