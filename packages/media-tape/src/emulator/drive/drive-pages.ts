import { logPage, modePage } from '../../scsi/command-codes.ts'
import { buildLogPage, type LogParameter } from '../../scsi/log-page.ts'
import { buildCompressionPage, buildMediumConfigurationPage } from '../../scsi/mode-pages.ts'
import { buildTapeAlerts } from '../../scsi/tape-alert.ts'
import { tapeAlert } from '../target/tape-alerts.ts'
import type { UnitModePage } from '../target/mode-pages.ts'
import type { LogicalUnit } from '../target/logical-unit.ts'
import type { Mechanism } from './mechanism.ts'

/** Log pages of SSC-5 (8.2) beyond those of `logPage`. */
const sequentialAccess = 0x0c
/** Vendors' page that tape drives have in common: tape capacity. */
const tapeCapacity = 0x31

/** The mode pages of a drive (SPC-5, 7.5; SSC-5, 8.3). */
export function driveModePages(): UnitModePage[] {
  const errorRecovery = { page: 0x01, data: Uint8Array.from([0, 16, 0, 0, 0, 0, 16, 0, 0, 0]) }
  const control = { page: modePage.control, data: new Uint8Array(10), changeable: [0x04] }
  const compression = {
    ...buildCompressionPage({ enabled: true, capable: true, decompress: true, algorithm: 1 }),
    changeable: [0x80],
  }
  const configuration = {
    page: modePage.deviceConfiguration,
    // Block identifiers are supported; compression is selected.
    data: Uint8Array.from([0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 1, 0]),
  }
  const exceptions = { page: modePage.informationalExceptions, data: new Uint8Array(10) }
  return [
    errorRecovery,
    control,
    compression,
    configuration,
    exceptions,
    buildMediumConfigurationPage({ worm: false }),
  ]
}

/** The log pages of a drive. */
export function driveLogPages(
  unit: LogicalUnit,
  mechanism: Mechanism,
): ReadonlyMap<number, (initiator: string) => Uint8Array> {
  const counters = (
    page: number,
    values: readonly (readonly [code: number, value: number, bytes: number])[],
  ) => buildLogPage({ page, subpage: 0, parameters: values.map((one) => counter(...one)) })
  return new Map<number, (initiator: string) => Uint8Array>([
    [
      logPage.writeErrors,
      () => counters(logPage.writeErrors, [[0x0005, mechanism.medium?.volume.writtenBytes ?? 0, 8]]),
    ],
    [
      logPage.readErrors,
      () => counters(logPage.readErrors, [[0x0005, mechanism.medium?.volume.readBytes ?? 0, 8]]),
    ],
    [
      sequentialAccess,
      () =>
        counters(sequentialAccess, [
          [0x0000, mechanism.medium?.volume.writtenBytes ?? 0, 8],
          [0x0003, mechanism.medium?.volume.readBytes ?? 0, 8],
          [0x0100, unit.alerts.has(tapeAlert.cleanNow) ? 1 : 0, 1],
        ]),
    ],
    [logPage.tapeAlert, (initiator: string) => buildTapeAlerts(unit.alerts.tell(initiator))],
    [
      tapeCapacity,
      () => {
        const { volume, cartridge } = mechanism.medium ?? {}
        const { index } = cartridge ?? {}
        const used = index === undefined ? 0 : index.mediaBytesBefore(index.objects)
        const most = volume?.capacityBytes ?? 0
        const mebibytes = (bytes: number): number => Math.floor(Math.max(0, bytes) / 1024 ** 2)
        return counters(tapeCapacity, [
          [0x0001, mebibytes(most - used), 4],
          [0x0003, mebibytes(most), 4],
        ])
      },
    ],
  ])
}

/** A counter: a binary list (SPC-5, 7.3.2.2). */
function counter(code: number, value: number, bytes: number): LogParameter {
  const data = Buffer.alloc(8)
  data.writeBigUInt64BE(BigInt(value))
  return { code, control: 0x03, value: data.subarray(8 - bytes) }
}
