import { elementType } from '../../scsi/command-codes.ts'
import { buildElementStatus, type ElementStatus } from '../../scsi/element-status.ts'
import type { Designator } from '../../scsi/inquiry.ts'
import { CheckCondition, good, invalidField } from '../target/answer.ts'
import { conditions } from '../target/conditions.ts'
import { type CommandTable, dueFault, type Task } from '../target/unit-command.ts'
import type { Element, Elements } from './elements.ts'
import type { MoveFaults, Robot } from './robot.ts'

/** What the commands of a changer work on. */
export interface ChangerContext {
  readonly elements: Elements
  readonly robot: Robot
  /** How a drive names itself; by number from 1. */
  readonly designator: (drive: number) => Designator
  /** Whether a drive holds its volume, so that the robot can't take it. */
  readonly holds: (drive: number) => boolean
}

/** The commands of SMC-3 (6). */
export function changerCommands({ elements, robot, designator, holds }: ChangerContext): CommandTable {
  const status = (element: Element): ElementStatus => {
    const { type, address, full, barcode, source, byOperator } = element
    const drive = elements.driveAt(address)
    return {
      type,
      address,
      full,
      accessible: type !== elementType.transport && (drive === undefined || !holds(drive)),
      ...(type === elementType.importExport ? { byOperator, imports: true, exports: true } : {}),
      ...(type === elementType.transport && robot.jammed ? jammed : {}),
      ...(source === null ? {} : { source }),
      ...(barcode === null ? {} : { barcode }),
      ...(drive === undefined ? {} : { device: designator(drive) }),
    }
  }
  return {
    'initialize-element-status': {
      run: async (_, { signal }) => {
        robot.ready(0)
        await robot.scan(places(elements.all), signal)
        return good()
      },
    },
    'initialize-element-status-with-range': {
      run: async ({ range, firstElement, elements: count }, { signal }) => {
        robot.ready(0)
        if (range && elements.at(firstElement) === undefined)
          throw new CheckCondition(conditions.invalidElement)
        const from = range ? elements.all.filter(({ address }) => address >= firstElement) : elements.all
        await robot.scan(places(range && count > 0 ? from.slice(0, count) : from), signal)
        return good()
      },
    },
    'position-to-element': {
      run: async ({ transport, destination, invert }, { signal }) => {
        if (invert) throw invalidField('position-to-element', 'invert')
        robot.ready(transport)
        await robot.stand(destination, signal)
        return good()
      },
    },
    'move-medium': {
      run: async ({ transport, source, destination, invert }, task) => {
        if (invert) throw invalidField('move-medium', 'invert')
        robot.ready(transport)
        await robot.move(source, destination, faultsOf(task), task.signal)
        return good()
      },
    },
    'exchange-medium': {
      run: async (cdb, task) => {
        const { transport, source, firstDestination: first, secondDestination: second } = cdb
        if (cdb.invertFirst) throw invalidField('exchange-medium', 'invertFirst')
        if (cdb.invertSecond) throw invalidField('exchange-medium', 'invertSecond')
        robot.ready(transport)
        await robot.exchange(source, first, second, faultsOf(task), task.signal)
        return good()
      },
    },
    'read-element-status': {
      harmless: true,
      run: ({ elementType: type, firstElement, elements: count, volumeTags, deviceIdentifiers }) => {
        if (type > elementType.drive) throw invalidField('read-element-status', 'elementType')
        const wanted = elements.all
          .filter((one) => one.address >= firstElement && (type === elementType.all || one.type === type))
          .slice(0, count)
          .map(status)
        return good(buildElementStatus(wanted, { volumeTags, deviceIdentifiers }))
      },
    },
  }
}

/** How the transport element tells that it is stuck. */
const jammed = {
  exception: true,
  asc: conditions.positioningError.asc,
  ascq: conditions.positioningError.ascq,
}

const faultsOf = (task: Task): MoveFaults => ({
  jams: dueFault(task, 'robot-jam') !== undefined,
  misplaces: dueFault(task, 'wrong-slot') !== undefined,
})

const places = (all: readonly Element[]): number[] =>
  all.filter(({ type }) => type !== elementType.transport).map(({ address }) => address)
