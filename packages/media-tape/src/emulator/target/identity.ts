import { vitalPage } from '../../scsi/command-codes.ts'
import {
  buildIdentification,
  buildInquiry,
  buildSerialNumber,
  buildSupportedPages,
  type Designator,
} from '../../scsi/inquiry.ts'

/** Who a unit says it is. */
export interface UnitIdentity {
  /** 01h tape, 08h changer. */
  readonly deviceType: number
  /** At most 8 characters. */
  readonly vendor: string
  /** At most 16. */
  readonly product: string
  /** 4 characters. */
  readonly revision: string
  readonly serial: string
}

/** Standard INQUIRY data. */
export function inquiryData({ deviceType, vendor, product, revision }: UnitIdentity): Uint8Array {
  return buildInquiry({
    qualifier: 0,
    deviceType,
    removable: true,
    version: 6,
    commandQueueing: true,
    vendor,
    product,
    revision,
  })
}

/** The T10 vendor designator of a unit (SPC-5, 7.7.6.4): in page 83h, and where a changer names its drives. */
export function designatorOf({ vendor, product, serial }: UnitIdentity): Designator {
  const text = `${vendor.padEnd(8)}${product.padEnd(16)}${serial}`
  return { codeSet: 2, association: 0, type: 1, identifier: Buffer.from(text, 'ascii') }
}

/** A vital product data page; `undefined` when there is none of that code. */
export function vitalData(identity: UnitIdentity, code: number): Uint8Array | undefined {
  const { deviceType, serial } = identity
  switch (code) {
    case vitalPage.supported:
      return buildSupportedPages(deviceType, [
        vitalPage.supported,
        vitalPage.serialNumber,
        vitalPage.identification,
      ])
    case vitalPage.serialNumber:
      return buildSerialNumber(deviceType, serial)
    case vitalPage.identification:
      return buildIdentification(deviceType, [designatorOf(identity)])
    default:
      return undefined
  }
}
