/** Status byte of a command's end (SAM-5, 5.3.1). */
export const scsiStatus = {
  good: 0x00,
  checkCondition: 0x02,
  conditionMet: 0x04,
  busy: 0x08,
  reservationConflict: 0x18,
  taskSetFull: 0x28,
  acaActive: 0x30,
  taskAborted: 0x40,
} as const

/** `over` of SPACE (SSC-5). */
export const spaceOver = {
  blocks: 0,
  filemarks: 1,
  sequentialFilemarks: 2,
  endOfData: 3,
} as const

/** `to` of LOCATE(16) (SSC-5). */
export const locateTo = { object: 0, file: 1, endOfData: 3 } as const

/** `serviceAction` of READ POSITION (SSC-5). */
export const positionForm = { short: 0, long: 6 } as const

/** `elementType` of READ ELEMENT STATUS (SMC-3). */
export const elementType = { all: 0, transport: 1, storage: 2, importExport: 3, drive: 4 } as const

/** Mode pages (SPC-5, SSC-5, SMC-3). */
export const modePage = {
  control: 0x0a,
  compression: 0x0f,
  deviceConfiguration: 0x10,
  mediumConfiguration: 0x1d,
  elementAddresses: 0x1d,
  transportGeometry: 0x1e,
  changerCapabilities: 0x1f,
  informationalExceptions: 0x1c,
  all: 0x3f,
} as const

/** Log pages (SPC-5, SSC-5). */
export const logPage = { supported: 0x00, writeErrors: 0x02, readErrors: 0x03, tapeAlert: 0x2e } as const

/** Vital product data pages (SPC-5). */
export const vitalPage = {
  supported: 0x00,
  serialNumber: 0x80,
  identification: 0x83,
  sequential: 0xb0,
} as const

/** Service actions of PERSISTENT RESERVE IN (SPC-5). */
export const reservationIn = { keys: 0, reservation: 1, capabilities: 2, fullStatus: 3 } as const

/** Service actions of PERSISTENT RESERVE OUT (SPC-5). */
export const reservationOut = {
  register: 0,
  reserve: 1,
  release: 2,
  clear: 3,
  preempt: 4,
  preemptAndAbort: 5,
  registerIgnoring: 6,
} as const

/** Types of persistent reservations (SPC-5). */
export const reservationType = {
  writeExclusive: 1,
  exclusiveAccess: 3,
  writeExclusiveRegistrants: 5,
  exclusiveAccessRegistrants: 6,
} as const

/** Security protocols of SECURITY PROTOCOL IN and OUT (SPC-5). */
export const securityProtocol = { information: 0x00, tapeDataEncryption: 0x20 } as const

/** `specific` of the security protocol of tape data encryption: pages that are read (SSC-5). */
export const encryptionPageIn = {
  inPages: 0x0000,
  outPages: 0x0001,
  capabilities: 0x0010,
  keyFormats: 0x0011,
  status: 0x0020,
  nextBlock: 0x0021,
} as const

/** Pages of the same protocol that are sent (SSC-5). */
export const encryptionPageOut = { set: 0x0010 } as const

/** For whom encryption parameters are (SSC-5): nobody in particular, this initiator, all. */
export const encryptionScope = { public: 0, local: 1, all: 2 } as const

/** What becomes of blocks that are written (SSC-5). */
export const encryptionMode = { disable: 0, external: 1, encrypt: 2 } as const

/** What becomes of blocks that are read (SSC-5); `mixed` takes those that are not encrypted as well. */
export const decryptionMode = { disable: 0, raw: 1, decrypt: 2, mixed: 3 } as const

/** What is told of the next block (SSC-5, next block encryption status page). */
export const blockEncryption = {
  never: 0,
  notNow: 1,
  noBlock: 2,
  clear: 3,
  unknownAlgorithm: 4,
  readable: 5,
  unreadable: 6,
} as const

/** AES with Galois counter mode and a tag of 16 bytes, as a security algorithm code (SPC-5). */
export const aesGcm = 0x0001_0014

/** Peripheral device types (SPC-5). */
export const deviceType = { disk: 0x00, tape: 0x01, changer: 0x08, none: 0x1f } as const
