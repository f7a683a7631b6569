import { senseKey, type SenseData } from './sense.ts'

/** What sense data come down to for whoever drives the unit. */
export type SenseMeaning =
  /** Nothing is wrong. */
  | 'fine'
  /** A filemark was met. */
  | 'filemark'
  /** The end of the medium is near, or here. */
  | 'end-of-medium'
  /** Nothing is recorded from here on. */
  | 'end-of-data'
  | 'beginning-of-medium'
  /** A block had another length. */
  | 'incorrect-length'
  /** Nothing more fits onto the volume. */
  | 'volume-overflow'
  /** Recovered by the unit; the command was carried out. */
  | 'recovered'
  /** Soon ready, without anybody's doing. */
  | 'becoming-ready'
  /** No volume is there. */
  | 'no-medium'
  /** Not ready; somebody has to load it, or to do something. */
  | 'not-ready'
  | 'write-protected'
  /** The volume can be written once, and is. */
  | 'worm-overwrite'
  | 'cleaning-needed'
  | 'cleaning-under-way'
  /** A cleaning cartridge that can't clean. */
  | 'cleaning-failed'
  /** The drive can't use this volume: another format, or a broken one. */
  | 'incompatible-medium'
  | 'write-error'
  | 'read-error'
  | 'position-error'
  /** The volume could not be loaded, or not be let go of. */
  | 'load-failed'
  | 'hardware-error'
  /** The link between here and the unit garbled something; the command was not carried out. */
  | 'link-error'
  /** The unit was reset, or switched on: positions, reservations and modes are not what they were. */
  | 'reset'
  /** Another volume may be there. */
  | 'medium-changed'
  /** Somebody went through the door of the changer, or its elements changed. */
  | 'elements-changed'
  /** Modes, reservations or the like were changed from elsewhere. */
  | 'changed-elsewhere'
  /** Another attention, of no effect on what we count on. */
  | 'attention'
  | 'not-supported'
  | 'invalid-field'
  /** There is no such element. */
  | 'no-such-element'
  | 'element-empty'
  | 'element-full'
  /** Somebody keeps the volume from being taken out, or the drive holds it. */
  | 'removal-prevented'
  /** A door is open, or a magazine is missing. */
  | 'door-open'
  | 'access-denied'
  /** The block is encrypted, and the drive doesn't have its key. */
  | 'key-missing'
  /** The block is not encrypted, and only encrypted ones are to be read. */
  | 'not-encrypted'
  | 'unknown'

/** What a code says, and what it comes down to. */
export interface ExplainedSense {
  readonly text: string
  readonly meaning: SenseMeaning
}

type Row = readonly [code: number, text: string, meaning?: SenseMeaning]

/** Additional sense codes, ASC × 256 + ASCQ (SPC-5, ASC and ASCQ assignments). Those without a meaning take that of their key. */
const rows: readonly Row[] = [
  [0x0001, 'filemark detected', 'filemark'],
  [0x0002, 'end of partition or medium', 'end-of-medium'],
  [0x0003, 'setmark detected', 'filemark'],
  [0x0004, 'beginning of partition or medium', 'beginning-of-medium'],
  [0x0005, 'end of data', 'end-of-data'],
  [0x0006, 'input/output process terminated'],
  [0x0007, 'programmable early warning', 'fine'],
  [0x0016, 'operation in progress', 'becoming-ready'],
  [0x0017, 'cleaning requested', 'recovered'],
  [0x0018, 'erase in progress', 'becoming-ready'],
  [0x0019, 'locate in progress', 'becoming-ready'],
  [0x001a, 'rewind in progress', 'becoming-ready'],
  [0x0200, 'no seek complete', 'position-error'],
  [0x0300, 'peripheral device write fault', 'write-error'],
  [0x0302, 'excessive write errors', 'write-error'],
  [0x0400, 'not ready, cause not reportable', 'not-ready'],
  [0x0401, 'becoming ready', 'becoming-ready'],
  [0x0402, 'an initializing command is needed', 'not-ready'],
  [0x0403, 'not ready: somebody has to step in', 'not-ready'],
  [0x0404, 'format in progress', 'becoming-ready'],
  [0x0407, 'operation in progress', 'becoming-ready'],
  [0x0409, 'self-test in progress', 'becoming-ready'],
  [0x0412, 'not ready: offline', 'not-ready'],
  [0x0413, 'not ready: updating', 'becoming-ready'],
  [0x0800, 'communication with the unit failed', 'link-error'],
  [0x0801, 'communication with the unit timed out', 'link-error'],
  [0x0900, 'track following error', 'position-error'],
  [0x0b01, 'warning: temperature exceeded', 'recovered'],
  [0x0c00, 'write error', 'write-error'],
  [0x0c04, 'compression check miscompare', 'write-error'],
  [0x1100, 'unrecovered read error', 'read-error'],
  [0x1101, 'read retries exhausted', 'read-error'],
  [0x1102, 'error too long to correct', 'read-error'],
  [0x1103, 'multiple read errors', 'read-error'],
  [0x1108, 'incomplete block read', 'read-error'],
  [0x1109, 'no gap found', 'read-error'],
  [0x110a, 'miscorrected error', 'read-error'],
  [0x110e, 'can not decompress', 'read-error'],
  [0x1112, 'the cartridge memory could not be read', 'read-error'],
  [0x1400, 'recorded entity not found', 'position-error'],
  [0x1401, 'record not found', 'position-error'],
  [0x1402, 'filemark or setmark not found', 'position-error'],
  [0x1403, 'end of data not found', 'position-error'],
  [0x1404, 'block sequence error', 'position-error'],
  [0x1500, 'positioning error', 'position-error'],
  [0x1501, 'mechanical positioning error', 'position-error'],
  [0x1502, 'positioning error found by reading', 'position-error'],
  [0x1700, 'recovered', 'recovered'],
  [0x1800, 'recovered by error correction', 'recovered'],
  [0x1a00, 'parameter list length error', 'invalid-field'],
  [0x2000, 'invalid command', 'not-supported'],
  [0x2001, 'access denied: not enrolled', 'access-denied'],
  [0x2002, 'access denied: no rights', 'access-denied'],
  [0x2100, 'address out of range', 'invalid-field'],
  [0x2101, 'invalid element address', 'no-such-element'],
  [0x2400, 'invalid field in the command', 'invalid-field'],
  [0x2500, 'no such unit', 'not-supported'],
  [0x2600, 'invalid field in the parameters', 'invalid-field'],
  [0x2601, 'parameter not supported', 'invalid-field'],
  [0x2602, 'parameter value invalid', 'invalid-field'],
  [0x2604, 'release of a reservation that is not there', 'invalid-field'],
  [0x2610, 'too many wrong keys', 'invalid-field'],
  [0x2611, 'incomplete key-associated data', 'invalid-field'],
  [0x2612, 'the key that is referred to is not there', 'invalid-field'],
  [0x2700, 'write protected', 'write-protected'],
  [0x2701, 'write protected by the drive', 'write-protected'],
  [0x2702, 'write protected by the host', 'write-protected'],
  [0x2703, 'associated write protect', 'write-protected'],
  [0x2704, 'persistent write protect', 'write-protected'],
  [0x2705, 'permanent write protect', 'write-protected'],
  [0x2706, 'conditional write protect', 'write-protected'],
  [0x2800, 'medium may have changed', 'medium-changed'],
  [0x2801, 'import or export element was accessed', 'elements-changed'],
  [0x2900, 'power on, reset, or bus reset', 'reset'],
  [0x2901, 'power on', 'reset'],
  [0x2902, 'bus reset', 'reset'],
  [0x2903, 'unit reset by another', 'reset'],
  [0x2904, 'internal reset', 'reset'],
  [0x2905, 'transceiver changed to single-ended', 'reset'],
  [0x2906, 'transceiver changed to LVD', 'reset'],
  [0x2907, 'nexus lost', 'reset'],
  [0x2a00, 'parameters changed', 'changed-elsewhere'],
  [0x2a01, 'mode parameters changed', 'changed-elsewhere'],
  [0x2a02, 'log parameters changed', 'attention'],
  [0x2a03, 'reservations preempted', 'changed-elsewhere'],
  [0x2a04, 'reservations released', 'changed-elsewhere'],
  [0x2a05, 'registrations preempted', 'changed-elsewhere'],
  [0x2a10, 'timestamp changed', 'attention'],
  [0x2a11, 'encryption parameters changed by another', 'changed-elsewhere'],
  [0x2a12, 'encryption parameters changed by the vendor', 'changed-elsewhere'],
  [0x2a13, 'the encryption key was changed', 'changed-elsewhere'],
  [0x2c00, 'command sequence error', 'invalid-field'],
  [0x2c0b, 'not reserved', 'access-denied'],
  [0x2d00, 'overwriting in place failed', 'write-error'],
  [0x2e00, 'too little time for the operation', 'unknown'],
  [0x2f00, 'commands cleared by another', 'changed-elsewhere'],
  [0x3000, 'incompatible medium', 'incompatible-medium'],
  [0x3001, 'medium of unknown format', 'incompatible-medium'],
  [0x3002, 'medium of incompatible format', 'incompatible-medium'],
  [0x3003, 'a cleaning cartridge is loaded', 'cleaning-under-way'],
  [0x3004, 'medium of unknown format, can not be written', 'incompatible-medium'],
  [0x3005, 'medium of incompatible format, can not be written', 'incompatible-medium'],
  [0x3006, 'medium can not be formatted', 'incompatible-medium'],
  [0x3007, 'cleaning failed', 'cleaning-failed'],
  [0x300c, 'WORM medium: overwriting attempted', 'worm-overwrite'],
  [0x300d, 'WORM medium: integrity check', 'incompatible-medium'],
  [0x3100, 'medium format corrupted', 'read-error'],
  [0x3300, 'tape length error', 'write-error'],
  [0x3700, 'rounded parameter', 'recovered'],
  [0x3900, 'saving parameters is not supported', 'invalid-field'],
  [0x3a00, 'no medium', 'no-medium'],
  [0x3a01, 'no medium, tray closed', 'no-medium'],
  [0x3a02, 'no medium, tray open', 'no-medium'],
  [0x3a03, 'no medium, but it can be loaded', 'no-medium'],
  [0x3a04, 'no medium, but its memory can be read', 'no-medium'],
  [0x3b00, 'sequential positioning error', 'position-error'],
  [0x3b01, 'positioning error at the beginning of the medium', 'position-error'],
  [0x3b02, 'positioning error at the end of the medium', 'position-error'],
  [0x3b08, 'reposition error', 'position-error'],
  [0x3b0c, 'position past the beginning of the medium', 'position-error'],
  [0x3b0d, 'the destination is full', 'element-full'],
  [0x3b0e, 'the source is empty', 'element-empty'],
  [0x3b0f, 'end of medium reached', 'end-of-medium'],
  [0x3b11, 'a magazine is not accessible', 'door-open'],
  [0x3b12, 'a magazine was removed', 'door-open'],
  [0x3b13, 'a magazine was inserted', 'elements-changed'],
  [0x3b14, 'a magazine is locked', 'removal-prevented'],
  [0x3b15, 'a magazine was unlocked', 'elements-changed'],
  [0x3b18, 'element disabled', 'no-such-element'],
  [0x3b19, 'element enabled', 'elements-changed'],
  [0x3b1a, 'a drive was removed', 'elements-changed'],
  [0x3b1b, 'a drive was inserted', 'elements-changed'],
  [0x3d00, 'invalid bits in IDENTIFY', 'link-error'],
  [0x3e00, 'the unit has not configured itself yet', 'becoming-ready'],
  [0x3e01, 'the unit failed', 'hardware-error'],
  [0x3f00, 'the target changed', 'changed-elsewhere'],
  [0x3f01, 'new microcode', 'reset'],
  [0x3f02, 'operating definition changed', 'changed-elsewhere'],
  [0x3f03, 'inquiry data changed', 'changed-elsewhere'],
  [0x3f0e, 'reported units changed', 'attention'],
  [0x3f10, 'medium can be loaded', 'attention'],
  [0x3f11, 'medium memory can be read', 'attention'],
  [0x4000, 'internal failure', 'hardware-error'],
  [0x4300, 'message error', 'link-error'],
  [0x4400, 'internal target failure', 'hardware-error'],
  [0x4500, 'selection failed', 'link-error'],
  [0x4700, 'parity error', 'link-error'],
  [0x4703, 'information unit CRC error', 'link-error'],
  [0x4800, 'initiator detected an error', 'link-error'],
  [0x4900, 'invalid message', 'link-error'],
  [0x4a00, 'command phase error', 'link-error'],
  [0x4b00, 'data phase error', 'link-error'],
  [0x4c00, 'the unit failed to configure itself', 'hardware-error'],
  [0x4e00, 'overlapping commands', 'link-error'],
  [0x5000, 'append error', 'write-error'],
  [0x5001, 'append position error', 'write-error'],
  [0x5100, 'erase failure', 'write-error'],
  [0x5200, 'cartridge fault', 'incompatible-medium'],
  [0x5300, 'loading or ejecting failed', 'load-failed'],
  [0x5301, 'unloading failed', 'load-failed'],
  [0x5302, 'removal of the medium is prevented', 'removal-prevented'],
  [0x5303, 'removal prevented by the drive', 'removal-prevented'],
  [0x5304, 'loading or unthreading failed', 'load-failed'],
  [0x5500, 'system resource failure', 'hardware-error'],
  [0x5504, 'too few registration resources', 'unknown'],
  [0x5a01, 'an operator asked for removal', 'attention'],
  [0x5d00, 'failure predicted', 'recovered'],
  [0x6500, 'voltage fault', 'hardware-error'],
  [0x7000, 'decompression failed', 'read-error'],
  [0x7100, 'decompression of an unknown algorithm', 'read-error'],
  [0x7400, 'security error', 'access-denied'],
  [0x7401, 'the block is encrypted and can not be decrypted', 'key-missing'],
  [0x7402, 'unencrypted data while decrypting', 'not-encrypted'],
  [0x7403, 'the block is encrypted with another key', 'key-missing'],
  [0x7404, 'an encrypted block is not what was written', 'read-error'],
  [0x7405, 'decrypting failed', 'read-error'],
  [0x8282, 'the drive asks for cleaning', 'cleaning-needed'],
]

const explained: ReadonlyMap<number, ExplainedSense | { readonly text: string }> = new Map(
  rows.map(([code, text, meaning]) => [code, meaning === undefined ? { text } : { text, meaning }]),
)

const byKey: Readonly<Record<number, ExplainedSense>> = {
  [senseKey.noSense]: { text: 'no sense', meaning: 'fine' },
  [senseKey.recoveredError]: { text: 'recovered error', meaning: 'recovered' },
  [senseKey.notReady]: { text: 'not ready', meaning: 'not-ready' },
  [senseKey.mediumError]: { text: 'medium error', meaning: 'read-error' },
  [senseKey.hardwareError]: { text: 'hardware error', meaning: 'hardware-error' },
  [senseKey.illegalRequest]: { text: 'illegal request', meaning: 'invalid-field' },
  [senseKey.unitAttention]: { text: 'unit attention', meaning: 'attention' },
  [senseKey.dataProtect]: { text: 'data protect', meaning: 'write-protected' },
  [senseKey.blankCheck]: { text: 'blank check', meaning: 'end-of-data' },
  [senseKey.abortedCommand]: { text: 'aborted command', meaning: 'link-error' },
  [senseKey.volumeOverflow]: { text: 'volume overflow', meaning: 'volume-overflow' },
}

/**
 * What sense data say, in plain words, and what it comes down to. The key goes before the code where they tell of the same thing
 * differently: 00/02 with VOLUME OVERFLOW is the hard end, with NO SENSE a warning.
 */
export function explainSense(sense: SenseData): ExplainedSense {
  const { key, asc, ascq } = sense
  const ofKey = byKey[key] ?? { text: `sense key ${key}`, meaning: 'unknown' }
  const code = explained.get(asc * 256 + ascq)
  const text = `${ofKey.text}: ${code?.text ?? `code ${hex(asc)}/${hex(ascq)}`}`
  const { filemark, endOfMedium, incorrectLength } = sense
  if (asc === 0 && ascq === 0) {
    if (filemark === true) return { text: 'filemark detected', meaning: 'filemark' }
    if (key === senseKey.volumeOverflow) return ofKey
    if (endOfMedium === true && key === senseKey.noSense)
      return { text: 'end of medium near', meaning: 'end-of-medium' }
    if (incorrectLength === true && key === senseKey.noSense)
      return { text: 'block of another length', meaning: 'incorrect-length' }
    return ofKey
  }
  return { text, meaning: meaningOf(sense, ofKey.meaning, code) }
}

function meaningOf(
  { key }: SenseData,
  ofKey: SenseMeaning,
  code: ExplainedSense | { readonly text: string } | undefined,
): SenseMeaning {
  if (key === senseKey.volumeOverflow) return 'volume-overflow'
  // Whatever the code warns of, the command was carried out.
  if (key === senseKey.recoveredError) return 'recovered'
  if (code === undefined || !('meaning' in code)) return ofKey
  // A code of no consequence doesn't make an error harmless.
  if ((code.meaning === 'recovered' || code.meaning === 'fine') && key !== senseKey.noSense) return ofKey
  return code.meaning
}

/** `3/11/00`: key and codes in hexadecimal. */
export function senseCode({ key, asc, ascq }: SenseData): string {
  return `${key.toString(16).toUpperCase()}/${hex(asc)}/${hex(ascq)}`
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0')
}
