import { NbError } from '@nb/contracts'

/** Sense keys (SPC-5). */
export const senseKey = {
  noSense: 0x0,
  recoveredError: 0x1,
  notReady: 0x2,
  mediumError: 0x3,
  hardwareError: 0x4,
  illegalRequest: 0x5,
  unitAttention: 0x6,
  dataProtect: 0x7,
  blankCheck: 0x8,
  vendorSpecific: 0x9,
  copyAborted: 0xa,
  abortedCommand: 0xb,
  volumeOverflow: 0xd,
  miscompare: 0xe,
  completed: 0xf,
} as const

/** What a unit says of a command that didn't simply succeed (SPC-5). */
export interface SenseData {
  /** How the bytes are laid out. @default 'fixed' */
  readonly format?: 'fixed' | 'descriptor'
  /** It is about an earlier command, which had ended with GOOD. @default false */
  readonly deferred?: boolean
  /** One of `senseKey`. */
  readonly key: number
  /** Additional sense code. */
  readonly asc: number
  /** Additional sense code qualifier. */
  readonly ascq: number
  /** A filemark was met. @default false */
  readonly filemark?: boolean
  /** End, early warning or beginning of the medium was met. @default false */
  readonly endOfMedium?: boolean
  /** A block had another length than was asked for. @default false */
  readonly incorrectLength?: boolean
  /**
   * INFORMATION, two's complement; absent when not valid. For tapes the residual: asked minus done, so negative where a block was
   * longer than asked for (SSC-5). Fixed format: 32 bits.
   */
  readonly information?: number
  /** COMMAND-SPECIFIC INFORMATION. @default 0 */
  readonly commandSpecific?: number
  /** Which byte of the CDB or of the parameters was not accepted. */
  readonly fieldPointer?: { readonly inCdb: boolean; readonly byte: number; readonly bit?: number }
  /** How far a motion that makes the unit not ready has come, 0–65535. */
  readonly progress?: number
}

/** The bytes of sense data. Throws `RangeError` for numbers that the format doesn't hold. */
export function buildSense(sense: SenseData): Uint8Array {
  return sense.format === 'descriptor' ? buildDescriptors(sense) : buildFixed(sense)
}

/**
 * Reads sense data of either format, also cut short: what is missing is absent, codes are 0. Throws `message-invalid` for
 * what is none.
 */
export function parseSense(bytes: Uint8Array): Required<Pick<SenseData, 'format' | 'deferred'>> & SenseData {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const response = (data[0] ?? 0) & 0x7f
  if (data.length < 3 || response < 0x70 || response > 0x73)
    throw new NbError('message-invalid', `${data.length} bytes that are no sense data`, {
      details: { sense: data.subarray(0, 32).toString('hex') },
    })
  const deferred = (response & 1) === 1
  return response < 0x72
    ? { format: 'fixed', deferred, ...parseFixed(data) }
    : { format: 'descriptor', deferred, ...parseDescriptors(data) }
}

function buildFixed(sense: SenseData): Uint8Array {
  const data = Buffer.alloc(18)
  data[0] = 0x70 | (sense.deferred === true ? 1 : 0)
  data[2] = (sense.key & 0x0f) | streamBits(sense)
  data[7] = data.length - 8
  if (sense.information !== undefined) {
    data[0] |= 0x80
    data.writeInt32BE(sense.information, 3)
  }
  data.writeUInt32BE(sense.commandSpecific ?? 0, 8)
  data[12] = sense.asc
  data[13] = sense.ascq
  keySpecific(sense)?.copy(data, 15)
  return data
}

function parseFixed(whole: Buffer): SenseData {
  const data = whole.subarray(0, 8 + (whole[7] ?? 0))
  const [first = 0, , flags = 0] = data
  return {
    key: flags & 0x0f,
    asc: data[12] ?? 0,
    ascq: data[13] ?? 0,
    ...streamFlags(flags),
    ...((first & 0x80) !== 0 && data.length >= 7 ? { information: data.readInt32BE(3) } : {}),
    ...(data.length >= 12 && data.readUInt32BE(8) !== 0 ? { commandSpecific: data.readUInt32BE(8) } : {}),
    ...parseKeySpecific(flags & 0x0f, data.subarray(15, 18)),
  }
}

/** Descriptor types (SPC-5). */
const descriptor = { information: 0x00, commandSpecific: 0x01, keySpecific: 0x02, stream: 0x04 } as const

function buildDescriptors(sense: SenseData): Uint8Array {
  const descriptors: Buffer[] = []
  if (sense.information !== undefined) {
    const one = Buffer.from([descriptor.information, 10, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    one.writeBigInt64BE(BigInt(sense.information), 4)
    descriptors.push(one)
  }
  if ((sense.commandSpecific ?? 0) !== 0) {
    const one = Buffer.from([descriptor.commandSpecific, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    one.writeBigUInt64BE(BigInt(sense.commandSpecific ?? 0), 4)
    descriptors.push(one)
  }
  const specific = keySpecific(sense)
  if (specific !== undefined) descriptors.push(Buffer.from([descriptor.keySpecific, 6, 0, 0, ...specific, 0]))
  const stream = streamBits(sense)
  if (stream !== 0) descriptors.push(Buffer.from([descriptor.stream, 2, 0, stream]))
  const rest = Buffer.concat(descriptors)
  const head = [0x72 | (sense.deferred === true ? 1 : 0), sense.key & 0x0f, sense.asc, sense.ascq, 0, 0, 0]
  return Buffer.from([...head, rest.length, ...rest])
}

function parseDescriptors(whole: Buffer): SenseData {
  const [, key = 0, asc = 0, ascq = 0] = whole
  let sense: SenseData = { key: key & 0x0f, asc, ascq }
  const data = whole.subarray(8, 8 + (whole[7] ?? 0))
  for (let at = 0; at + 2 <= data.length; at += 2 + (data[at + 1] ?? 0)) {
    const one = data.subarray(at, at + 2 + (data[at + 1] ?? 0))
    if (one[0] === descriptor.information && one.length >= 12) {
      const information = Number(one.readBigInt64BE(4))
      if (((one[2] ?? 0) & 0x80) !== 0 && Number.isSafeInteger(information)) sense = { ...sense, information }
    } else if (one[0] === descriptor.commandSpecific && one.length >= 12) {
      const commandSpecific = Number(one.readBigUInt64BE(4))
      if (Number.isSafeInteger(commandSpecific)) sense = { ...sense, commandSpecific }
    } else if (one[0] === descriptor.keySpecific && one.length >= 7) {
      sense = { ...sense, ...parseKeySpecific(sense.key, one.subarray(4, 7)) }
    } else if (one[0] === descriptor.stream && one.length >= 4) {
      sense = { ...sense, ...streamFlags(one[3] ?? 0) }
    }
  }
  return sense
}

function streamBits({ filemark, endOfMedium, incorrectLength }: SenseData): number {
  return (
    (filemark === true ? 0x80 : 0) | (endOfMedium === true ? 0x40 : 0) | (incorrectLength === true ? 0x20 : 0)
  )
}

function streamFlags(flags: number): Partial<SenseData> {
  return {
    ...((flags & 0x80) !== 0 ? { filemark: true } : {}),
    ...((flags & 0x40) !== 0 ? { endOfMedium: true } : {}),
    ...((flags & 0x20) !== 0 ? { incorrectLength: true } : {}),
  }
}

/** The three bytes of sense-key specific information (SPC-5). */
function keySpecific({ key, fieldPointer, progress }: SenseData): Buffer | undefined {
  const three = Buffer.from([0x80, 0, 0])
  if (key === senseKey.illegalRequest && fieldPointer !== undefined) {
    const { inCdb, byte, bit } = fieldPointer
    three[0] = 0x80 | (inCdb ? 0x40 : 0) | (bit === undefined ? 0 : 0x08 | (bit & 7))
    three.writeUInt16BE(byte, 1)
    return three
  }
  if ((key === senseKey.noSense || key === senseKey.notReady) && progress !== undefined) {
    three.writeUInt16BE(progress, 1)
    return three
  }
  return undefined
}

function parseKeySpecific(key: number, three: Buffer): Partial<SenseData> {
  const [first = 0] = three
  if (three.length < 3 || (first & 0x80) === 0) return {}
  if (key === senseKey.illegalRequest) {
    const bit = (first & 0x08) === 0 ? {} : { bit: first & 7 }
    return { fieldPointer: { inCdb: (first & 0x40) !== 0, byte: three.readUInt16BE(1), ...bit } }
  }
  if (key === senseKey.noSense || key === senseKey.notReady) return { progress: three.readUInt16BE(1) }
  return {}
}
