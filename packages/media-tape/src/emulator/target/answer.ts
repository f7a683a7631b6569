import type { CdbFields, CdbName } from '../../scsi/cdb-fields.ts'
import { cdbFieldAt } from '../../scsi/cdb.ts'
import { scsiStatus } from '../../scsi/command-codes.ts'
import type { SenseData } from '../../scsi/sense.ts'
import { type Condition, conditions } from './conditions.ts'

/** What a unit answers to one command. */
export interface Answer {
  readonly status: number
  readonly sense?: SenseData
  readonly dataIn?: Uint8Array
  /** Bytes of the data sent that were taken. @default all */
  readonly dataOutBytes?: number
}

/** GOOD. */
export function good(dataIn?: Uint8Array): Answer {
  return { status: scsiStatus.good, ...(dataIn === undefined ? {} : { dataIn }) }
}

/** CHECK CONDITION, which may come with data and may tell more. */
export function check(
  condition: Condition,
  more: Partial<SenseData> = {},
  rest: Pick<Answer, 'dataIn' | 'dataOutBytes'> = {},
): Answer {
  return { status: scsiStatus.checkCondition, sense: { ...condition, ...more }, ...rest }
}

/** Ends a command with CHECK CONDITION, without data. Never leaves a unit. */
export class CheckCondition extends Error {
  readonly sense: SenseData

  constructor(condition: Condition, more: Partial<SenseData> = {}) {
    super(`sense ${condition.key}/${condition.asc}/${condition.ascq}`)
    this.name = 'CheckCondition'
    this.sense = { ...condition, ...more }
  }
}

/** 5/24/00 that points at a field of the command (SPC-5, sense key specific). */
export function invalidField<Name extends CdbName>(
  command: Name,
  field: keyof CdbFields[Name],
): CheckCondition {
  const { byte, high } = cdbFieldAt(command, field)
  return new CheckCondition(conditions.invalidFieldInCdb, { fieldPointer: { inCdb: true, byte, bit: high } })
}

/** 5/26/00 that points at a byte of the data sent. */
export function invalidParameter(byte: number): CheckCondition {
  return new CheckCondition(conditions.invalidParameter, { fieldPointer: { inCdb: false, byte } })
}
