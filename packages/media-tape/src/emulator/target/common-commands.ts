import { buildSupportedLogPages } from '../../scsi/log-page.ts'
import { buildSense, type SenseData } from '../../scsi/sense.ts'
import { buildLuns } from '../../scsi/unit-answers.ts'
import { check, CheckCondition, good, invalidField } from './answer.ts'
import { conditions } from './conditions.ts'
import { inquiryData, type UnitIdentity, vitalData } from './identity.ts'
import { type LogicalUnit, nothingToDo } from './logical-unit.ts'
import { type SupportedCommand, supportedOpcodes } from './supported-opcodes.ts'
import type { CommandTable } from './unit-command.ts'

/** What the commands of all units need to know. */
export interface CommonCommandsInput {
  readonly identity: UnitIdentity
  /** Units of the library: LUN 0 is the changer, then the drives. */
  readonly logicalUnits: number
  /** Why it is not ready, with how far it is. */
  readonly notReady: () => SenseData | undefined
  /** Log pages by code. */
  readonly logPages: ReadonlyMap<number, (initiator: string) => Uint8Array>
}

/** Commands of SPC that tapes and changers do alike. */
export function commonCommands(unit: LogicalUnit, input: CommonCommandsInput): CommandTable {
  const { identity, logicalUnits, notReady, logPages } = input
  return {
    'test-unit-ready': {
      run: () => {
        const why = notReady()
        return why === undefined ? good() : check(why)
      },
    },
    'request-sense': {
      quiet: true,
      harmless: true,
      run: ({ descriptor }, { initiator }) => {
        const attention = unit.attentions.take(initiator)
        const sense = attention ?? notReady() ?? conditions.none
        return good(buildSense({ ...sense, format: descriptor ? 'descriptor' : 'fixed' }))
      },
    },
    inquiry: {
      quiet: true,
      harmless: true,
      run: ({ vital, page }) => {
        if (!vital && page !== 0) throw invalidField('inquiry', 'page')
        const data = vital ? vitalData(identity, page) : inquiryData(identity)
        if (data === undefined) throw invalidField('inquiry', 'page')
        return good(data)
      },
    },
    'report-luns': {
      quiet: true,
      harmless: true,
      run: ({ select }) => {
        if (select > 2) throw invalidField('report-luns', 'select')
        const units = select === 1 ? 0 : logicalUnits
        return good(buildLuns(Array.from({ length: units }, (_, lun) => lun)))
      },
    },
    'log-sense': {
      harmless: true,
      run: ({ page, subpage, savePages }, { initiator }) => {
        if (savePages) throw invalidField('log-sense', 'savePages')
        if (subpage !== 0) throw invalidField('log-sense', 'subpage')
        if (page === 0) return good(buildSupportedLogPages([0, ...logPages.keys()]))
        const data = logPages.get(page)?.(initiator)
        if (data === undefined) throw invalidField('log-sense', 'page')
        return good(data)
      },
    },
    'prevent-allow-medium-removal': {
      run: ({ prevent }, { initiator }) => {
        if ((prevent & 1) === 1) unit.preventing.add(initiator)
        else unit.preventing.delete(initiator)
        return good()
      },
    },
    'report-supported-opcodes': {
      harmless: true,
      run: (question) => good(supportedOpcodes(supported(unit), question)),
    },
    'send-diagnostic': {
      run: ({ parameterListLength }) => {
        if (parameterListLength !== 0) throw invalidField('send-diagnostic', 'parameterListLength')
        return nothingToDo()
      },
    },
  }
}

function supported(unit: LogicalUnit): SupportedCommand[] {
  return Object.entries(unit.commands).map(([command, { serviceActions }]) => ({
    command: command as SupportedCommand['command'],
    ...(serviceActions === undefined ? {} : { serviceActions }),
  }))
}

/** Throws while somebody keeps the medium from being taken out. */
export function requireRemovable(unit: LogicalUnit): void {
  if (unit.preventing.size > 0) throw new CheckCondition(conditions.removalPrevented)
}
