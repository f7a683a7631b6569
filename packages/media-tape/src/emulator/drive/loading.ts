import { buildDensities } from '../../scsi/tape-answers.ts'
import { good, invalidField } from '../target/answer.ts'
import { requireRemovable } from '../target/common-commands.ts'
import { density } from '../density.ts'
import { type CommandTable, dueFault } from '../target/unit-command.ts'
import type { DriveContext } from './drive-context.ts'

/** LOAD UNLOAD and REPORT DENSITY SUPPORT (SSC-5, 7). `capacityBytes` is that of the library's usual volumes. */
export function loadingCommands({ unit, mechanism }: DriveContext, capacityBytes: number): CommandTable {
  return {
    'load-unload': {
      run: async ({ immediate, hold, endOfTape, load }, task) => {
        if (hold) throw invalidField('load-unload', 'hold')
        if (endOfTape) throw invalidField('load-unload', 'endOfTape')
        if (load) {
          await mechanism.load(task.signal, immediate, dueFault(task, 'load-failed') !== undefined)
        } else {
          requireRemovable(unit)
          await mechanism.unload(task.signal, immediate)
        }
        return good()
      },
    },
    'report-density-support': {
      run: ({ media, mediumType }) => {
        if (mediumType) throw invalidField('report-density-support', 'mediumType')
        const bytes = media ? mechanism.ready().volume.capacityBytes : capacityBytes
        return good(buildDensities([density(bytes)]))
      },
    },
  }
}
