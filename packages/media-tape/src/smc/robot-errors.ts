import { describePlace, type ErrorCode, type Json, type LibraryPlace, NbError } from '@nb/contracts'
import type { Told } from '../scsi/scsi-unit.ts'
import { senseCode, type SenseMeaning } from '../scsi/sense-meaning.ts'

/** The error for what a changer's sense data came down to; what is not in it is a failure of the robot. */
const ofMeaning: Partial<Readonly<Record<SenseMeaning, ErrorCode>>> = {
  'element-empty': 'element-empty',
  'element-full': 'element-full',
  'no-such-element': 'not-found',
  'removal-prevented': 'state-conflict',
  'door-open': 'robot-not-ready',
  'becoming-ready': 'robot-not-ready',
  'not-ready': 'robot-not-ready',
  'no-medium': 'element-empty',
  'not-supported': 'not-supported',
  'invalid-field': 'scsi-command-failed',
  'access-denied': 'scsi-access-denied',
}

/** What a move was to do. */
export interface Move {
  readonly from: LibraryPlace
  readonly to: LibraryPlace
}

/** The typed error of a command that a changer ended with sense data; `move` where it was one. */
export function robotError(told: Told, robot: string, move?: Move): NbError {
  const code = ofMeaning[told.meaning] ?? 'robot-failed'
  const place = move === undefined ? undefined : code === 'element-full' ? move.to : move.from
  const details: Record<string, Json> = {
    robot,
    sense: senseCode(told.sense),
    meaning: told.meaning,
    ...(place === undefined ? {} : { place: describePlace(place) }),
    ...(move === undefined ? {} : { from: describePlace(move.from), to: describePlace(move.to) }),
  }
  const doing = move === undefined ? '' : `, ${describePlace(move.from)} to ${describePlace(move.to)}`
  return new NbError(code, `robot ${robot}${doing}: ${told.text} (${senseCode(told.sense)})`, { details })
}

/** Whether a command that ended so may have moved something. */
export function mayHaveMoved(error: NbError): boolean {
  return error.code === 'robot-failed'
}
