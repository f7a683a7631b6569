import { NbError } from '@nb/contracts'
import {
  type BlockDescriptor,
  buildMode,
  type ModeForm,
  type ModeParameters,
  parseMode,
} from '../../scsi/mode.ts'
import { CheckCondition, good, invalidField, invalidParameter } from './answer.ts'
import { conditions } from './conditions.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { CommandTable, Task } from './unit-command.ts'

/** What MODE SENSE and MODE SELECT carry besides pages: of tapes only (SSC-5, 8.3). */
export interface ModeHeader {
  writeProtected(): boolean
  bufferedMode: number
  readonly density: number
  /** 0: blocks of variable length. */
  blockBytes: number
}

/** Longest block, and so longest fixed block length. */
export const mostBlockBytes: number = 8 * 1024 ** 2

/** MODE SENSE and MODE SELECT in both forms (SPC-5, 6.10 to 6.13). */
export function modeCommands(unit: LogicalUnit, header?: ModeHeader): CommandTable {
  const sense = (
    form: ModeForm,
    cdb: {
      readonly noBlockDescriptors: boolean
      readonly control: number
      readonly page: number
      readonly subpage: number
    },
  ): Uint8Array => {
    const pages = unit.modes.sense(cdb.page, cdb.subpage, cdb.control)
    if (pages === undefined) throw invalidField(form === 6 ? 'mode-sense-6' : 'mode-sense-10', 'page')
    const block: BlockDescriptor | undefined =
      header === undefined || cdb.noBlockDescriptors
        ? undefined
        : { density: header.density, blocks: 0, blockBytes: header.blockBytes }
    return buildMode(form, {
      mediumType: 0,
      writeProtected: header?.writeProtected() ?? false,
      bufferedMode: header?.bufferedMode ?? 0,
      speed: 0,
      ...(block === undefined ? {} : { block }),
      pages,
    })
  }
  const select = (form: ModeForm, { dataOut, initiator }: Task): void => {
    if (dataOut.length === 0) return
    const mode = parseList(form, dataOut)
    const headBytes = form === 6 ? 4 : 8
    const { block, bufferedMode, pages } = mode
    if (header !== undefined && bufferedMode > 1) throw invalidParameter(form === 6 ? 2 : 3)
    if (block !== undefined && !isTaken(block, header)) throw invalidParameter(headBytes)
    let changed = unit.modes.select(pages, headBytes + (block === undefined ? 0 : 8))
    if (header !== undefined) {
      const blockBytes = block?.blockBytes ?? header.blockBytes
      changed ||= header.bufferedMode !== bufferedMode || header.blockBytes !== blockBytes
      Object.assign(header, { bufferedMode, blockBytes })
    }
    if (changed) unit.attentions.raise(conditions.modesChanged, initiator)
  }
  return {
    'mode-sense-6': { run: (cdb) => good(sense(6, cdb)) },
    'mode-sense-10': { run: (cdb) => good(sense(10, cdb)) },
    'mode-select-6': {
      run: ({ savePages }, task) => {
        if (savePages) throw invalidField('mode-select-6', 'savePages')
        select(6, task)
        return good()
      },
    },
    'mode-select-10': {
      run: ({ savePages }, task) => {
        if (savePages) throw invalidField('mode-select-10', 'savePages')
        select(10, task)
        return good()
      },
    },
  }
}

/** Densities 00h and 7Fh stand for the present one (SSC-5, 8.3.1). */
function isTaken({ density, blocks, blockBytes }: BlockDescriptor, header: ModeHeader | undefined): boolean {
  if (header === undefined) return false
  return [0, 0x7f, header.density].includes(density) && blocks === 0 && blockBytes <= mostBlockBytes
}

function parseList(form: ModeForm, list: Uint8Array): ModeParameters {
  try {
    return parseMode(form, list, true)
  } catch (error) {
    if (error instanceof NbError) throw new CheckCondition(conditions.parameterListLength)
    throw error
  }
}
