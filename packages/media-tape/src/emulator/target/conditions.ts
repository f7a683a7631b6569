/** Sense key, additional sense code and its qualifier. */
export interface Condition {
  readonly key: number
  readonly asc: number
  readonly ascq: number
}

/** What units of an emulated library say (SPC-5, annex of additional sense codes). */
export const conditions = {
  none: { key: 0x0, asc: 0x00, ascq: 0x00 },
  filemark: { key: 0x0, asc: 0x00, ascq: 0x01 },
  endOfMedium: { key: 0x0, asc: 0x00, ascq: 0x02 },
  beginning: { key: 0x0, asc: 0x00, ascq: 0x04 },
  endOfData: { key: 0x8, asc: 0x00, ascq: 0x05 },
  overflow: { key: 0xd, asc: 0x00, ascq: 0x02 },

  becomingReady: { key: 0x2, asc: 0x04, ascq: 0x01 },
  loadRequired: { key: 0x2, asc: 0x04, ascq: 0x02 },
  manualIntervention: { key: 0x2, asc: 0x04, ascq: 0x03 },
  operationInProgress: { key: 0x2, asc: 0x04, ascq: 0x07 },
  cleaningCartridge: { key: 0x2, asc: 0x30, ascq: 0x03 },
  mediumNotPresent: { key: 0x2, asc: 0x3a, ascq: 0x00 },

  writeError: { key: 0x3, asc: 0x0c, ascq: 0x00 },
  readError: { key: 0x3, asc: 0x11, ascq: 0x00 },
  mediumLoadFailed: { key: 0x3, asc: 0x53, ascq: 0x00 },
  cleaningFailed: { key: 0x3, asc: 0x30, ascq: 0x07 },

  hardwareFailure: { key: 0x4, asc: 0x44, ascq: 0x00 },
  positioningError: { key: 0x4, asc: 0x15, ascq: 0x01 },

  parameterListLength: { key: 0x5, asc: 0x1a, ascq: 0x00 },
  unknownOpcode: { key: 0x5, asc: 0x20, ascq: 0x00 },
  invalidElement: { key: 0x5, asc: 0x21, ascq: 0x01 },
  invalidFieldInCdb: { key: 0x5, asc: 0x24, ascq: 0x00 },
  invalidParameter: { key: 0x5, asc: 0x26, ascq: 0x00 },
  parameterNotSupported: { key: 0x5, asc: 0x26, ascq: 0x01 },
  invalidRelease: { key: 0x5, asc: 0x26, ascq: 0x04 },
  savingNotSupported: { key: 0x5, asc: 0x39, ascq: 0x00 },
  destinationFull: { key: 0x5, asc: 0x3b, ascq: 0x0d },
  sourceEmpty: { key: 0x5, asc: 0x3b, ascq: 0x0e },
  removalPrevented: { key: 0x5, asc: 0x53, ascq: 0x02 },
  memoryFull: { key: 0x5, asc: 0x55, ascq: 0x06 },
  registrationResources: { key: 0x5, asc: 0x55, ascq: 0x04 },

  mediumChanged: { key: 0x6, asc: 0x28, ascq: 0x00 },
  importExportAccessed: { key: 0x6, asc: 0x28, ascq: 0x01 },
  powerOn: { key: 0x6, asc: 0x29, ascq: 0x01 },
  unitReset: { key: 0x6, asc: 0x29, ascq: 0x03 },
  nexusLost: { key: 0x6, asc: 0x29, ascq: 0x07 },
  modesChanged: { key: 0x6, asc: 0x2a, ascq: 0x01 },
  reservationsPreempted: { key: 0x6, asc: 0x2a, ascq: 0x03 },
  reservationsReleased: { key: 0x6, asc: 0x2a, ascq: 0x04 },
  registrationsPreempted: { key: 0x6, asc: 0x2a, ascq: 0x05 },

  encryptionChanged: { key: 0x6, asc: 0x2a, ascq: 0x11 },

  unableToDecrypt: { key: 0x7, asc: 0x74, ascq: 0x01 },
  notEncrypted: { key: 0x7, asc: 0x74, ascq: 0x02 },
  wrongKey: { key: 0x7, asc: 0x74, ascq: 0x03 },
  cipherIntegrity: { key: 0x7, asc: 0x74, ascq: 0x04 },
  writeProtected: { key: 0x7, asc: 0x27, ascq: 0x00 },
  wormOverwrite: { key: 0x7, asc: 0x30, ascq: 0x0c },
  incompatibleMedium: { key: 0x7, asc: 0x30, ascq: 0x05 },

  transferAborted: { key: 0xb, asc: 0x4b, ascq: 0x00 },
} as const
