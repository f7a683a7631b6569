import {
  type CallOptions,
  type NextBlockEncryption,
  NbError,
  type TapeEncryptionSetting,
  type TapeEncryptionStatus,
} from '@nb/contracts'
import {
  aesGcm,
  blockEncryption,
  decryptionMode,
  encryptionMode,
  encryptionPageIn,
  encryptionScope,
} from '../scsi/command-codes.ts'
import { type DataEncryptionStatus, parseNextBlock } from '../scsi/encryption-status.ts'
import { labelData, labelOf } from '../scsi/key-associated-data.ts'
import { unsupported } from './drive-errors.ts'
import type { DriveSession } from './drive-session.ts'
import { readAlgorithms, readPage, readStatus, sendSetting, switchOff } from './encryption-commands.ts'
import type { HeldKey } from './held-key.ts'

/** Of the labels of keys, in characters: what the drives of all makers have room for. */
const mostLabelLength = 30

/** What the drive offers, and what is set for us. */
export async function encryptionStatus(
  session: DriveSession,
  options?: CallOptions,
): Promise<TapeEncryptionStatus> {
  const offered = await readAlgorithms(session, options)
  const algorithms = offered.map((one) => ({
    name: one.code === aesGcm ? `AES-${one.keyBytes * 8}-GCM` : one.code.toString(16).padStart(8, '0'),
    keyBytes: one.keyBytes,
    mostLabelLength: Math.min(one.mostLabelBytes, mostLabelLength),
  }))
  if (offered.length === 0) return { algorithms }
  const status = await readStatus(session, options)
  if (!isOurs(status)) return { algorithms }
  const keyLabel = labelOf(status.keyData)
  return {
    algorithms,
    active: {
      ...(keyLabel === undefined ? {} : { keyLabel }),
      reads: status.decryption === decryptionMode.mixed ? 'mixed' : 'encrypted',
    },
  }
}

/** Has the drive encrypt with a key, and sees that it does. */
export async function setKey(
  session: DriveSession,
  { key, keyLabel, reads }: TapeEncryptionSetting,
  options?: CallOptions,
): Promise<void> {
  const offered = (await readAlgorithms(session, options)).filter(({ keyBytes }) => keyBytes === key.length)
  const [algorithm] = offered
  if (algorithm === undefined) throw unsupported(session.name, `encryption with keys of ${key.length} bytes`)
  const most = Math.min(mostLabelLength, algorithm.mostLabelBytes)
  if (keyLabel.length > most || !/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(keyLabel))
    throw new NbError(
      'argument-invalid',
      `${JSON.stringify(keyLabel)} is no label of a key for drive ${session.name}; allowed: 1–${most} printable characters of ASCII`,
      { details: { drive: session.name, field: 'keyLabel' } },
    )
  session.holdKey({ key: Buffer.from(key), keyLabel, reads, algorithm })
  try {
    await sendKey(session, options)
  } catch (error) {
    session.dropKey()
    throw error
  }
}

/** Tells the drive once more with which key it is to encrypt, after something that may have taken it. */
export async function setKeyAgain(session: DriveSession): Promise<void> {
  await sendKey(session)
}

/** Has the drive forget the key, where it encrypts at all. */
export async function clearKey(session: DriveSession, options?: CallOptions): Promise<void> {
  session.dropKey()
  if ((await readAlgorithms(session, options)).length > 0) await switchOff(session, options)
}

/** Has the drive forget a key that a process before this one has left in it. */
export async function clearLeftKey(session: DriveSession): Promise<void> {
  if ((await readAlgorithms(session)).length > 0 && isOurs(await readStatus(session)))
    await switchOff(session)
}

/** What the object at the position is. */
export async function nextBlock(session: DriveSession, options?: CallOptions): Promise<NextBlockEncryption> {
  const page = await readPage(session, encryptionPageIn.nextBlock, options)
  if (page === undefined) return { state: 'unknown' }
  const { encryption, keyData } = parseNextBlock(page)
  const state = stateOf(encryption)
  const keyLabel = state === 'readable' || state === 'unreadable' ? labelOf(keyData) : undefined
  return { state, ...(keyLabel === undefined ? {} : { keyLabel }) }
}

function stateOf(encryption: number): NextBlockEncryption['state'] {
  switch (encryption) {
    case blockEncryption.noBlock:
      return 'no-block'
    case blockEncryption.clear:
      return 'clear'
    case blockEncryption.readable:
      return 'readable'
    case blockEncryption.unreadable:
    case blockEncryption.unknownAlgorithm:
      return 'unreadable'
    default:
      return 'unknown'
  }
}

/** Whether a host has set it; what somebody beside the host does is left alone. */
function isOurs({ encryption, decryption }: DataEncryptionStatus): boolean {
  return (
    encryption === encryptionMode.encrypt ||
    decryption === decryptionMode.decrypt ||
    decryption === decryptionMode.mixed
  )
}

async function sendKey(session: DriveSession, options?: CallOptions): Promise<void> {
  const held = session.heldKey as HeldKey
  const { key, keyLabel, reads, algorithm } = held
  const wholeBytes = algorithm.labelIsFixed ? algorithm.mostLabelBytes : keyLabel.length
  const { nexus } = session.unit.transport
  held.doubted = false
  await sendSetting(
    session,
    {
      ...{ scope: encryptionScope.local, clearOnDemount: true, algorithm: algorithm.index, key },
      encryption: encryptionMode.encrypt,
      decryption: reads === 'mixed' ? decryptionMode.mixed : decryptionMode.decrypt,
      keyData: [labelData(keyLabel, wholeBytes)],
    },
    options,
  )
  const { encryption } = await readStatus(session, options)
  if (encryption !== encryptionMode.encrypt)
    throw new NbError('not-supported', `drive ${session.name} took a key, and does not encrypt with it`, {
      details: { drive: session.name, what: 'encryption' },
    })
  // A connection made meanwhile has no key, whatever this one was told.
  held.nexus = nexus
}
