import { type BitField, bits, bytes, signedBytes } from './bit-field.ts'
import type { CdbFields, CdbName, CommandSet } from './cdb-fields.ts'

/** How a command stands in its CDB. */
export interface CdbLayout<Fields> {
  readonly opcode: number
  /** What bits 4–0 of byte 1 hold, where they tell the command. */
  readonly serviceAction?: number
  /** Whose it is. */
  readonly sets: readonly CommandSet[]
  readonly length: 6 | 10 | 12 | 16
  readonly fields: {
    readonly [Name in keyof Fields]-?: BitField & {
      readonly flag: Fields[Name] extends boolean ? true : false
    }
  }
}

type Flag = BitField & { readonly flag: true }
type Count = BitField & { readonly flag: false }
const flag = (byte: number, bit: number): Flag => ({ ...bits(byte, bit), flag: true })
const part = (byte: number, high: number, count: number): Count => ({
  ...bits(byte, high, count),
  flag: false,
})
const whole = (byte: number, count = 1): Count => ({ ...bytes(byte, count), flag: false })
const signed = (byte: number, count: number): Count => ({ ...signedBytes(byte, count), flag: false })

const all = ['tape', 'changer', 'disk'] as const
const tape = ['tape'] as const
const changer = ['changer'] as const

/** Of every command. The only place that knows offsets in CDBs. */
export const cdbLayouts: { readonly [Name in CdbName]: CdbLayout<CdbFields[Name]> } = {
  'test-unit-ready': { opcode: 0x00, sets: all, length: 6, fields: {} },
  'request-sense': {
    opcode: 0x03,
    sets: all,
    length: 6,
    fields: { descriptor: flag(1, 0), allocationLength: whole(4) },
  },
  inquiry: {
    opcode: 0x12,
    sets: all,
    length: 6,
    fields: { vital: flag(1, 0), page: whole(2), allocationLength: whole(3, 2) },
  },
  'mode-select-6': {
    opcode: 0x15,
    sets: all,
    length: 6,
    fields: { pageFormat: flag(1, 4), savePages: flag(1, 0), parameterListLength: whole(4) },
  },
  'mode-select-10': {
    opcode: 0x55,
    sets: all,
    length: 10,
    fields: { pageFormat: flag(1, 4), savePages: flag(1, 0), parameterListLength: whole(7, 2) },
  },
  'mode-sense-6': {
    opcode: 0x1a,
    sets: all,
    length: 6,
    fields: {
      noBlockDescriptors: flag(1, 3),
      control: part(2, 7, 2),
      page: part(2, 5, 6),
      subpage: whole(3),
      allocationLength: whole(4),
    },
  },
  'mode-sense-10': {
    opcode: 0x5a,
    sets: all,
    length: 10,
    fields: {
      noBlockDescriptors: flag(1, 3),
      control: part(2, 7, 2),
      page: part(2, 5, 6),
      subpage: whole(3),
      allocationLength: whole(7, 2),
    },
  },
  'log-sense': {
    opcode: 0x4d,
    sets: all,
    length: 10,
    fields: {
      savePages: flag(1, 0),
      control: part(2, 7, 2),
      page: part(2, 5, 6),
      subpage: whole(3),
      firstParameter: whole(5, 2),
      allocationLength: whole(7, 2),
    },
  },
  'send-diagnostic': {
    opcode: 0x1d,
    sets: all,
    length: 6,
    fields: {
      selfTestCode: part(1, 7, 3),
      pageFormat: flag(1, 4),
      selfTest: flag(1, 2),
      deviceOffline: flag(1, 1),
      unitOffline: flag(1, 0),
      parameterListLength: whole(3, 2),
    },
  },
  'prevent-allow-medium-removal': {
    opcode: 0x1e,
    sets: all,
    length: 6,
    fields: { prevent: part(4, 1, 2) },
  },
  'reserve-6': { opcode: 0x16, sets: all, length: 6, fields: {} },
  'release-6': { opcode: 0x17, sets: all, length: 6, fields: {} },
  'persistent-reserve-in': {
    opcode: 0x5e,
    sets: all,
    length: 10,
    fields: { serviceAction: part(1, 4, 5), allocationLength: whole(7, 2) },
  },
  'persistent-reserve-out': {
    opcode: 0x5f,
    sets: all,
    length: 10,
    fields: {
      serviceAction: part(1, 4, 5),
      scope: part(2, 7, 4),
      type: part(2, 3, 4),
      parameterListLength: whole(5, 4),
    },
  },
  'report-luns': {
    opcode: 0xa0,
    sets: all,
    length: 12,
    fields: { select: whole(2), allocationLength: whole(6, 4) },
  },
  'report-supported-opcodes': {
    opcode: 0xa3,
    serviceAction: 0x0c,
    sets: all,
    length: 12,
    fields: {
      timeouts: flag(2, 7),
      options: part(2, 2, 3),
      opcode: whole(3),
      serviceAction: whole(4, 2),
      allocationLength: whole(6, 4),
    },
  },
  'read-attribute': {
    opcode: 0x8c,
    sets: all,
    length: 16,
    fields: {
      serviceAction: part(1, 4, 5),
      volume: whole(5),
      partition: whole(7),
      firstAttribute: whole(8, 2),
      allocationLength: whole(10, 4),
      cache: flag(14, 0),
    },
  },
  'write-attribute': {
    opcode: 0x8d,
    sets: all,
    length: 16,
    fields: {
      throughCache: flag(1, 0),
      volume: whole(5),
      partition: whole(7),
      parameterListLength: whole(10, 4),
    },
  },
  'security-protocol-in': {
    opcode: 0xa2,
    sets: all,
    length: 12,
    fields: {
      protocol: whole(1),
      specific: whole(2, 2),
      units512: flag(4, 7),
      allocationLength: whole(6, 4),
    },
  },
  'security-protocol-out': {
    opcode: 0xb5,
    sets: all,
    length: 12,
    fields: { protocol: whole(1), specific: whole(2, 2), units512: flag(4, 7), transferLength: whole(6, 4) },
  },
  'start-stop-unit': {
    opcode: 0x1b,
    sets: ['disk'],
    length: 6,
    fields: {
      immediate: flag(1, 0),
      powerCondition: part(4, 7, 4),
      loadEject: flag(4, 1),
      start: flag(4, 0),
    },
  },

  rewind: { opcode: 0x01, sets: tape, length: 6, fields: { immediate: flag(1, 0) } },
  'read-block-limits': { opcode: 0x05, sets: tape, length: 6, fields: { mostObject: flag(1, 0) } },
  'read-6': {
    opcode: 0x08,
    sets: tape,
    length: 6,
    fields: { suppressLength: flag(1, 1), fixed: flag(1, 0), transferLength: whole(2, 3) },
  },
  'write-6': {
    opcode: 0x0a,
    sets: tape,
    length: 6,
    fields: { fixed: flag(1, 0), transferLength: whole(2, 3) },
  },
  'verify-6': {
    opcode: 0x13,
    sets: tape,
    length: 6,
    fields: { immediate: flag(1, 2), byteCompare: flag(1, 1), fixed: flag(1, 0), length: whole(2, 3) },
  },
  'write-filemarks-6': {
    opcode: 0x10,
    sets: tape,
    length: 6,
    fields: { immediate: flag(1, 0), count: whole(2, 3) },
  },
  'space-6': {
    opcode: 0x11,
    sets: tape,
    length: 6,
    fields: { over: part(1, 3, 4), count: signed(2, 3) },
  },
  'space-16': {
    opcode: 0x91,
    sets: tape,
    length: 16,
    fields: { over: part(1, 3, 4), count: signed(4, 8) },
  },
  'locate-10': {
    opcode: 0x2b,
    sets: tape,
    length: 10,
    fields: { changePartition: flag(1, 1), immediate: flag(1, 0), object: whole(3, 4), partition: whole(8) },
  },
  'locate-16': {
    opcode: 0x92,
    sets: tape,
    length: 16,
    fields: {
      to: part(1, 4, 2),
      changePartition: flag(1, 1),
      immediate: flag(1, 0),
      partition: whole(3),
      identifier: whole(4, 8),
    },
  },
  'read-position': {
    opcode: 0x34,
    sets: tape,
    length: 10,
    fields: { serviceAction: part(1, 4, 5), allocationLength: whole(7, 2) },
  },
  'load-unload': {
    opcode: 0x1b,
    sets: tape,
    length: 6,
    fields: {
      immediate: flag(1, 0),
      hold: flag(4, 3),
      endOfTape: flag(4, 2),
      retension: flag(4, 1),
      load: flag(4, 0),
    },
  },
  'erase-6': {
    opcode: 0x19,
    sets: tape,
    length: 6,
    fields: { immediate: flag(1, 1), long: flag(1, 0) },
  },
  'report-density-support': {
    opcode: 0x44,
    sets: tape,
    length: 10,
    fields: { mediumType: flag(1, 1), media: flag(1, 0), allocationLength: whole(7, 2) },
  },

  'initialize-element-status': { opcode: 0x07, sets: changer, length: 6, fields: {} },
  'initialize-element-status-with-range': {
    opcode: 0x37,
    sets: changer,
    length: 10,
    fields: { fast: flag(1, 1), range: flag(1, 0), firstElement: whole(2, 2), elements: whole(6, 2) },
  },
  'position-to-element': {
    opcode: 0x2b,
    sets: changer,
    length: 10,
    fields: { transport: whole(2, 2), destination: whole(4, 2), invert: flag(8, 0) },
  },
  'move-medium': {
    opcode: 0xa5,
    sets: changer,
    length: 12,
    fields: { transport: whole(2, 2), source: whole(4, 2), destination: whole(6, 2), invert: flag(10, 0) },
  },
  'exchange-medium': {
    opcode: 0xa6,
    sets: changer,
    length: 12,
    fields: {
      transport: whole(2, 2),
      source: whole(4, 2),
      firstDestination: whole(6, 2),
      secondDestination: whole(8, 2),
      invertFirst: flag(10, 1),
      invertSecond: flag(10, 0),
    },
  },
  'read-element-status': {
    opcode: 0xb8,
    sets: changer,
    length: 12,
    fields: {
      volumeTags: flag(1, 4),
      elementType: part(1, 3, 4),
      firstElement: whole(2, 2),
      elements: whole(4, 2),
      currentData: flag(6, 1),
      deviceIdentifiers: flag(6, 0),
      allocationLength: whole(7, 3),
    },
  },
  'open-close-import-export': {
    opcode: 0x1b,
    sets: changer,
    length: 6,
    fields: { element: whole(2, 2), action: part(4, 4, 5) },
  },
}
