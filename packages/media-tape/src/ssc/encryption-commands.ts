import type { CallOptions } from '@nb/contracts'
import { buildCdb } from '../scsi/cdb.ts'
import {
  decryptionMode,
  encryptionMode,
  encryptionPageIn,
  encryptionPageOut,
  encryptionScope,
  securityProtocol,
} from '../scsi/command-codes.ts'
import { type AlgorithmDescriptor, parseCapabilities } from '../scsi/encryption-capabilities.ts'
import { type DataEncryptionStatus, parseEncryptionStatus } from '../scsi/encryption-status.ts'
import { buildSetEncryption, type SetEncryption } from '../scsi/set-encryption.ts'
import { unsupported } from './drive-errors.ts'
import type { DriveSession } from './drive-session.ts'

const mostPageBytes = 8192
const protocol = securityProtocol.tapeDataEncryption

/** Those that the drive works by itself, at our word; none for a drive that doesn't encrypt. */
export async function readAlgorithms(
  session: DriveSession,
  options?: CallOptions,
): Promise<readonly AlgorithmDescriptor[]> {
  const { supports } = await session.facts()
  if (!supports.has('security-protocol-out')) return []
  const page = await readPage(session, encryptionPageIn.capabilities, options)
  if (page === undefined) {
    supports.refused('security-protocol-out')
    return []
  }
  return parseCapabilities(page).filter(({ encrypts, decrypts }) => encrypts && decrypts)
}

/** What is set for us. Rejects with `not-supported` where the drive doesn't tell. */
export async function readStatus(
  session: DriveSession,
  options?: CallOptions,
): Promise<DataEncryptionStatus> {
  const page = await readPage(session, encryptionPageIn.status, options)
  if (page === undefined) throw unsupported(session.name, 'telling how it encrypts')
  return parseEncryptionStatus(page)
}

/** A page of tape data encryption; `undefined` where the drive doesn't have it. */
export async function readPage(
  session: DriveSession,
  specific: number,
  options?: CallOptions,
): Promise<Uint8Array | undefined> {
  const { supports } = await session.facts()
  if (!supports.has('security-protocol-in')) return undefined
  const cdb = buildCdb('security-protocol-in', { protocol, specific, allocationLength: mostPageBytes })
  return session.unit.read(cdb, mostPageBytes, options)
}

/** Has the drive forget the key that is set for us. */
export async function switchOff(session: DriveSession, options?: CallOptions): Promise<void> {
  const off = { encryption: encryptionMode.disable, decryption: decryptionMode.disable }
  const nothing = { algorithm: 0, key: new Uint8Array(0), keyData: [] }
  await sendSetting(
    session,
    { scope: encryptionScope.local, clearOnDemount: false, ...off, ...nothing },
    options,
  )
}

/** Tells the drive how to encrypt. Whatever happens no copy of the key stays behind here. */
export async function sendSetting(
  session: DriveSession,
  set: SetEncryption,
  options?: CallOptions,
): Promise<void> {
  const dataOut = buildSetEncryption(set)
  const specific = encryptionPageOut.set
  const cdb = buildCdb('security-protocol-out', { protocol, specific, transferLength: dataOut.length })
  try {
    const ended = await session.unit.ask({ cdb, dataOut }, options)
    if (!ended.good && ended.meaning !== 'recovered') throw await session.failure(ended, 'ask')
  } finally {
    dataOut.fill(0)
  }
}
