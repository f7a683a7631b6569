/**
 * The commands that tape drives and media changers are driven with, and what each is told. The standard named with each has a clause
 * of the command's name. `allocationLength` is always the most bytes that the answer may have.
 */
export interface CdbFields {
  /** SPC-5. */
  readonly 'test-unit-ready': Record<never, never>
  /** SPC-5. */
  readonly 'request-sense': { readonly descriptor: boolean; readonly allocationLength: number }
  /** SPC-5: standard data, or with `vital` the vital product data page `page`. */
  readonly inquiry: {
    readonly vital: boolean
    readonly page: number
    readonly allocationLength: number
  }
  /** SPC-5. */
  readonly 'mode-select-6': ModeSelect
  /** SPC-5. */
  readonly 'mode-select-10': ModeSelect
  /** SPC-5. */
  readonly 'mode-sense-6': ModeSense
  /** SPC-5. */
  readonly 'mode-sense-10': ModeSense
  /** SPC-5. */
  readonly 'log-sense': {
    readonly savePages: boolean
    readonly control: number
    readonly page: number
    readonly subpage: number
    readonly firstParameter: number
    readonly allocationLength: number
  }
  /** SPC-5. */
  readonly 'send-diagnostic': {
    readonly selfTestCode: number
    readonly pageFormat: boolean
    readonly selfTest: boolean
    readonly deviceOffline: boolean
    readonly unitOffline: boolean
    readonly parameterListLength: number
  }
  /** SPC-5: bit 0 of `prevent` keeps people and robots from taking the medium out. */
  readonly 'prevent-allow-medium-removal': { readonly prevent: number }
  /** SPC-2. */
  readonly 'reserve-6': Record<never, never>
  /** SPC-2. */
  readonly 'release-6': Record<never, never>
  /** SPC-5; see `reservationIn`. */
  readonly 'persistent-reserve-in': { readonly serviceAction: number; readonly allocationLength: number }
  /** SPC-5; see `reservationOut`. */
  readonly 'persistent-reserve-out': {
    readonly serviceAction: number
    readonly scope: number
    readonly type: number
    readonly parameterListLength: number
  }
  /** SPC-5. */
  readonly 'report-luns': { readonly select: number; readonly allocationLength: number }
  /** SPC-5: `options` 0 all, 1 one opcode, 2 one with its service action, 3 either. */
  readonly 'report-supported-opcodes': {
    readonly timeouts: boolean
    readonly options: number
    readonly opcode: number
    readonly serviceAction: number
    readonly allocationLength: number
  }
  /** SPC-5: `serviceAction` 0 values, 1 list of attributes. */
  readonly 'read-attribute': {
    readonly serviceAction: number
    readonly volume: number
    readonly partition: number
    readonly firstAttribute: number
    readonly allocationLength: number
    readonly cache: boolean
  }
  /** SPC-5. */
  readonly 'write-attribute': {
    readonly throughCache: boolean
    readonly volume: number
    readonly partition: number
    readonly parameterListLength: number
  }
  /** SPC-5. */
  readonly 'security-protocol-in': SecurityProtocol & { readonly allocationLength: number }
  /** SPC-5. */
  readonly 'security-protocol-out': SecurityProtocol & { readonly transferLength: number }
  /** SBC-4; some tape drives load and eject by it. */
  readonly 'start-stop-unit': {
    readonly immediate: boolean
    readonly powerCondition: number
    readonly loadEject: boolean
    readonly start: boolean
  }

  /** SSC-5. */
  readonly rewind: { readonly immediate: boolean }
  /** SSC-5. */
  readonly 'read-block-limits': { readonly mostObject: boolean }
  /** SSC-5: `transferLength` in bytes, with `fixed` in blocks. */
  readonly 'read-6': {
    readonly suppressLength: boolean
    readonly fixed: boolean
    readonly transferLength: number
  }
  /** SSC-5. */
  readonly 'write-6': { readonly fixed: boolean; readonly transferLength: number }
  /** SSC-5. */
  readonly 'verify-6': {
    readonly immediate: boolean
    readonly byteCompare: boolean
    readonly fixed: boolean
    readonly length: number
  }
  /** SSC-5. */
  readonly 'write-filemarks-6': { readonly immediate: boolean; readonly count: number }
  /** SSC-5; see `spaceOver`. A negative count goes towards the beginning. */
  readonly 'space-6': { readonly over: number; readonly count: number }
  /** SSC-5. */
  readonly 'space-16': { readonly over: number; readonly count: number }
  /** SSC-5. */
  readonly 'locate-10': {
    readonly changePartition: boolean
    readonly immediate: boolean
    readonly object: number
    readonly partition: number
  }
  /** SSC-5; see `locateTo`. */
  readonly 'locate-16': {
    readonly to: number
    readonly changePartition: boolean
    readonly immediate: boolean
    readonly partition: number
    readonly identifier: number
  }
  /** SSC-5: `serviceAction` 0 short form, 6 long form. */
  readonly 'read-position': { readonly serviceAction: number; readonly allocationLength: number }
  /** SSC-5. */
  readonly 'load-unload': {
    readonly immediate: boolean
    readonly hold: boolean
    readonly endOfTape: boolean
    readonly retension: boolean
    readonly load: boolean
  }
  /** SSC-5. */
  readonly 'erase-6': { readonly immediate: boolean; readonly long: boolean }
  /** SSC-5: of the drive, or with `media` of the volume in it. */
  readonly 'report-density-support': {
    readonly mediumType: boolean
    readonly media: boolean
    readonly allocationLength: number
  }

  /** SMC-3. */
  readonly 'initialize-element-status': Record<never, never>
  /** SMC-3. */
  readonly 'initialize-element-status-with-range': {
    readonly fast: boolean
    readonly range: boolean
    readonly firstElement: number
    readonly elements: number
  }
  /** SMC-3. */
  readonly 'position-to-element': {
    readonly transport: number
    readonly destination: number
    readonly invert: boolean
  }
  /** SMC-3. */
  readonly 'move-medium': {
    readonly transport: number
    readonly source: number
    readonly destination: number
    readonly invert: boolean
  }
  /** SMC-3. */
  readonly 'exchange-medium': {
    readonly transport: number
    readonly source: number
    readonly firstDestination: number
    readonly secondDestination: number
    readonly invertFirst: boolean
    readonly invertSecond: boolean
  }
  /** SMC-3: `elementType` as in `elementType`, 0 for all. `currentData` keeps the robot from moving to look. */
  readonly 'read-element-status': {
    readonly volumeTags: boolean
    readonly elementType: number
    readonly firstElement: number
    readonly elements: number
    readonly currentData: boolean
    readonly deviceIdentifiers: boolean
    readonly allocationLength: number
  }
  /** SMC-3: `action` 0 opens, 1 closes. */
  readonly 'open-close-import-export': { readonly element: number; readonly action: number }
}

/** What both forms of MODE SELECT are told. */
export interface ModeSelect {
  readonly pageFormat: boolean
  readonly savePages: boolean
  readonly parameterListLength: number
}

/** What both forms of MODE SENSE are told. */
export interface ModeSense {
  readonly noBlockDescriptors: boolean
  /** 0 current, 1 changeable, 2 default, 3 saved values. */
  readonly control: number
  /** 3Fh: all. */
  readonly page: number
  readonly subpage: number
  readonly allocationLength: number
}

/** What the SECURITY PROTOCOL commands are told. */
export interface SecurityProtocol {
  readonly protocol: number
  readonly specific: number
  /** The length counts 512-byte units. */
  readonly units512: boolean
}

/** A command's name. */
export type CdbName = keyof CdbFields
/** A command and what it is told. */
export type Cdb = { readonly [Name in CdbName]: { readonly command: Name } & CdbFields[Name] }[CdbName]
/** Whose commands: some opcodes mean one thing to a drive, another to a changer (2Bh, 1Bh). */
export type CommandSet = 'tape' | 'changer' | 'disk'
