import {
  aesGcm,
  blockEncryption,
  decryptionMode,
  encryptionMode,
  encryptionPageIn,
  encryptionPageOut,
  encryptionScope,
  securityProtocol,
} from '../../scsi/command-codes.ts'
import {
  buildCapabilities,
  buildKeyFormats,
  buildPageList,
  buildProtocols,
} from '../../scsi/encryption-capabilities.ts'
import { buildEncryptionStatus, buildNextBlock } from '../../scsi/encryption-status.ts'
import { parseKeyData } from '../../scsi/key-associated-data.ts'
import { parseSetEncryption, type SetEncryption } from '../../scsi/set-encryption.ts'
import { CheckCondition, good, invalidField, invalidParameter } from '../target/answer.ts'
import { conditions } from '../target/conditions.ts'
import type { CommandTable } from '../target/unit-command.ts'
import { cipherKeyBytes, describeSealed } from './block-cipher.ts'
import type { DriveContext } from './drive-context.ts'

/** The one algorithm: AES-256-GCM. */
const algorithm = 1
const mostLabelBytes = 32
const mostAuthenticatedBytes = 12

/** SECURITY PROTOCOL IN and OUT (SPC-5) with tape data encryption (SSC-5). */
export function encryptionCommands(context: DriveContext): CommandTable {
  const { unit, encryption } = context
  return {
    'security-protocol-in': {
      run: async ({ protocol, specific, units512 }, { initiator }) => {
        if (units512) throw invalidField('security-protocol-in', 'units512')
        if (protocol === securityProtocol.information && specific === 0)
          return good(buildProtocols(Object.values(securityProtocol)))
        if (protocol !== securityProtocol.tapeDataEncryption)
          throw invalidField('security-protocol-in', 'protocol')
        return good(await pageOf(context, specific, initiator))
      },
    },
    'security-protocol-out': {
      run: ({ protocol, specific, units512, transferLength }, { dataOut, initiator }) => {
        if (units512) throw invalidField('security-protocol-out', 'units512')
        if (protocol !== securityProtocol.tapeDataEncryption)
          throw invalidField('security-protocol-out', 'protocol')
        if (specific !== encryptionPageOut.set) throw invalidField('security-protocol-out', 'specific')
        if (transferLength === 0) return good()
        if (dataOut.length < transferLength) throw new CheckCondition(conditions.parameterListLength)
        const set = parseSetEncryption(dataOut.subarray(0, transferLength))
        if ('invalidByte' in set) throw invalidParameter(set.invalidByte)
        check(set)
        encryption.set(initiator, set)
        if (set.scope === encryptionScope.all) unit.attentions.raise(conditions.encryptionChanged, initiator)
        return good()
      },
    },
  }
}

async function pageOf(context: DriveContext, page: number, initiator: string): Promise<Uint8Array> {
  switch (page) {
    case encryptionPageIn.inPages:
      return buildPageList(page, Object.values(encryptionPageIn))
    case encryptionPageIn.outPages:
      return buildPageList(page, Object.values(encryptionPageOut))
    case encryptionPageIn.capabilities:
      return buildCapabilities([
        {
          ...{ index: algorithm, code: aesGcm, keyBytes: cipherKeyBytes },
          ...{ encrypts: true, decrypts: true, distinguishes: true },
          ...{ mostLabelBytes, labelIsFixed: false, mostAuthenticatedBytes },
        },
      ])
    case encryptionPageIn.keyFormats:
      return buildKeyFormats([0])
    case encryptionPageIn.status: {
      const { key: _, ...parameters } = context.encryption.of(initiator)
      return buildEncryptionStatus({ ...parameters, keyScope: parameters.scope })
    }
    case encryptionPageIn.nextBlock:
      return nextBlock(context, initiator)
    default:
      throw invalidField('security-protocol-in', 'specific')
  }
}

async function nextBlock({ mechanism, encryption }: DriveContext, initiator: string): Promise<Uint8Array> {
  const { cartridge } = mechanism.ready()
  const { index } = cartridge
  const { at } = mechanism
  const { decryption, key } = encryption.of(initiator)
  const told = (state: number, keyData: ReturnType<typeof parseKeyData> = []): Uint8Array => {
    const isEncrypted = state === blockEncryption.readable || state === blockEncryption.unreadable
    return buildNextBlock({
      ...{ object: at, encryption: state, algorithm: isEncrypted ? algorithm : 0, keyData },
    })
  }
  if (at >= index.objects || index.isFilemark(at)) return told(blockEncryption.noBlock)
  if (!index.isEncrypted(at)) return told(blockEncryption.clear)
  const recorded = await cartridge.read(at)
  const sealed =
    recorded === undefined
      ? undefined
      : describeSealed(recorded, decryption === decryptionMode.disable ? undefined : key)
  if (sealed === undefined) return told(blockEncryption.notNow)
  return told(
    sealed.isOfKey ? blockEncryption.readable : blockEncryption.unreadable,
    parseKeyData(sealed.keyData),
  )
}

/** Throws 5/26/00 that points at what the drive doesn't do. */
function check({ scope, encryption, decryption, algorithm: index, key, keyData }: SetEncryption): void {
  if (scope > encryptionScope.all) throw invalidParameter(4)
  if (encryption !== encryptionMode.disable && encryption !== encryptionMode.encrypt)
    throw invalidParameter(6)
  if (decryption > decryptionMode.mixed || decryption === decryptionMode.raw) throw invalidParameter(7)
  if (encryption === encryptionMode.disable && decryption === decryptionMode.disable) return
  if (index !== algorithm) throw invalidParameter(8)
  if (key.length !== cipherKeyBytes) throw invalidParameter(18)
  const limits = {
    unauthenticated: mostLabelBytes,
    authenticated: mostAuthenticatedBytes,
    nonce: 0,
    metadata: 0,
  }
  if (keyData.some(({ type, data }) => data.length > limits[type])) throw invalidParameter(20 + key.length)
}
