import { locateTo, positionForm, spaceOver } from '../../scsi/command-codes.ts'
import { buildLongPosition, buildShortPosition } from '../../scsi/tape-answers.ts'
import { type Answer, check, CheckCondition, good, invalidField } from '../target/answer.ts'
import { conditions } from '../target/conditions.ts'
import { type Spaced, spaceBlocks, spaceFilemarks } from '../medium/spacing.ts'
import { type CommandTable, dueFault, type Task } from '../target/unit-command.ts'
import { type DriveContext, isNearEnd } from './drive-context.ts'

/** REWIND, SPACE, LOCATE and READ POSITION (SSC-5, 6 and 7). There is one partition. */
export function positioningCommands(context: DriveContext): CommandTable {
  const { mechanism } = context
  return {
    rewind: {
      run: async ({ immediate }, { signal }) => {
        await mechanism.rewind(signal, immediate)
        return good()
      },
    },
    'space-6': {
      run: (cdb, task) => space(context, cdb, task) ?? Promise.reject(invalidField('space-6', 'over')),
    },
    'space-16': {
      run: (cdb, task) => space(context, cdb, task) ?? Promise.reject(invalidField('space-16', 'over')),
    },
    'locate-10': {
      run: ({ immediate, object, changePartition, partition }, { signal }) => {
        if (changePartition && partition !== 0) throw invalidField('locate-10', 'partition')
        return locate(context, object, signal, immediate)
      },
    },
    'locate-16': {
      run: ({ to, identifier, immediate, changePartition, partition }, { signal }) => {
        if (changePartition && partition !== 0) throw invalidField('locate-16', 'partition')
        const { index } = mechanism.ready().cartridge
        switch (to) {
          case locateTo.object:
            return locate(context, identifier, signal, immediate)
          case locateTo.file: {
            const mark = identifier === 0 ? -1 : index.findFilemark(identifier - 1)
            return locate(context, mark === undefined ? Infinity : mark + 1, signal, immediate)
          }
          case locateTo.endOfData:
            return locate(context, index.objects, signal, immediate)
          default:
            throw invalidField('locate-16', 'to')
        }
      },
    },
    'read-position': {
      serviceActions: Object.values(positionForm),
      run: ({ serviceAction }) => {
        const medium = mechanism.ready()
        const { at } = mechanism
        const { index, durableObjects } = medium.cartridge
        const position = {
          beginning: at === 0,
          nearEnd: isNearEnd(medium, at),
          partition: 0,
          object: at,
        }
        // Only what is before the position can be in the buffer: writing cuts off what is behind it.
        const bufferedObjects = Math.max(0, at - durableObjects)
        if (serviceAction === positionForm.short)
          return good(buildShortPosition({ ...position, bufferedObjects }))
        if (serviceAction === positionForm.long)
          return good(buildLongPosition({ ...position, file: index.filemarksBefore(at) }))
        throw invalidField('read-position', 'serviceAction')
      },
    },
  }
}

/** Beyond the end of data it stands there and says so (SSC-5, LOCATE(16)). */
async function locate(
  { mechanism }: DriveContext,
  object: number,
  signal: AbortSignal,
  immediate: boolean,
): Promise<Answer> {
  const { index } = mechanism.ready().cartridge
  await mechanism.noticeFailure(true)
  await mechanism.moveTo(Math.min(object, index.objects), signal, immediate)
  return object <= index.objects ? good() : check(conditions.endOfData)
}

/** `undefined` for a kind of spacing that there is none of. */
function space(
  { mechanism }: DriveContext,
  { over, count }: { readonly over: number; readonly count: number },
  task: Task,
): Promise<Answer> | undefined {
  if (over !== spaceOver.blocks && over !== spaceOver.filemarks && over !== spaceOver.endOfData)
    return undefined
  const run = async (): Promise<Answer> => {
    const { index } = mechanism.ready().cartridge
    await mechanism.noticeFailure(true)
    if (dueFault(task, 'read-error') !== undefined) throw new CheckCondition(conditions.readError)
    const spaced: Spaced =
      over === spaceOver.endOfData
        ? { to: index.objects, passed: 0 }
        : (over === spaceOver.blocks ? spaceBlocks : spaceFilemarks)(index, mechanism.at, count)
    await mechanism.moveTo(spaced.to, task.signal)
    // What was not spaced over, without a sign (SSC-5, SPACE(6)).
    const information = Math.abs(count) - spaced.passed
    switch (spaced.stoppedBy) {
      case 'filemark':
        return check(conditions.filemark, { filemark: true, information })
      case 'end-of-data':
        return check(conditions.endOfData, { information })
      case 'beginning':
        return check(conditions.beginning, { endOfMedium: true, information })
      default:
        return good()
    }
  }
  return run()
}
