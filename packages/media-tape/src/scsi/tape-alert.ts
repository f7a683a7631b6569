import { logPage } from './command-codes.ts'
import { buildLogPage, parseLogPage } from './log-page.ts'
import { malformed } from './malformed.ts'

/** What a flag asks of those who run the drive. */
export type AlertMeaning =
  /** The volume is worn or damaged: write on another one. */
  | 'volume'
  /** Clean the drive before its next volume. */
  | 'clean-now'
  /** Clean the drive when there is time. */
  | 'clean-soon'
  /** The cleaning cartridge can't clean. */
  | 'cleaning-cartridge'
  /** The drive needs service. */
  | 'drive'
  /** Somebody should know. */
  | 'note'

/** A TapeAlert flag (SSC-5, annex A). */
export interface TapeAlert {
  /** 1–64. */
  readonly flag: number
  readonly name: string
  readonly severity: 'critical' | 'warning' | 'information'
  readonly meaning: AlertMeaning
}

type Row = readonly [name: string, severity: 'C' | 'W' | 'I', meaning: AlertMeaning]

const rows: readonly (Row | undefined)[] = [
  ['read warning', 'W', 'note'],
  ['write warning', 'W', 'note'],
  ['hard error', 'W', 'note'],
  ['media', 'C', 'volume'],
  ['read failure', 'C', 'volume'],
  ['write failure', 'C', 'volume'],
  ['media life', 'W', 'volume'],
  ['not data grade', 'W', 'volume'],
  ['write protect', 'C', 'note'],
  ['no removal', 'I', 'note'],
  ['cleaning media', 'I', 'note'],
  ['unsupported format', 'I', 'note'],
  ['recoverable mechanical cartridge failure', 'C', 'volume'],
  ['unrecoverable mechanical cartridge failure', 'C', 'volume'],
  ['memory chip in cartridge failure', 'W', 'volume'],
  ['forced eject', 'C', 'note'],
  ['read only format', 'W', 'note'],
  ['tape directory corrupted on load', 'W', 'note'],
  ['nearing media life', 'I', 'volume'],
  ['cleaning required', 'C', 'clean-now'],
  ['cleaning requested', 'W', 'clean-soon'],
  ['expired cleaning media', 'C', 'cleaning-cartridge'],
  ['invalid cleaning tape', 'C', 'cleaning-cartridge'],
  ['retension requested', 'W', 'note'],
  ['multi-port interface error on a primary port', 'W', 'note'],
  ['cooling fan failure', 'W', 'drive'],
  ['power supply failure', 'W', 'drive'],
  ['power consumption', 'W', 'drive'],
  ['drive preventive maintenance required', 'W', 'drive'],
  ['hardware A', 'C', 'drive'],
  ['hardware B', 'C', 'drive'],
  ['primary interface', 'W', 'note'],
  ['eject media', 'C', 'note'],
  ['microcode update fail', 'W', 'note'],
  ['drive humidity', 'W', 'drive'],
  ['drive temperature', 'W', 'drive'],
  ['drive voltage', 'W', 'drive'],
  ['predictive failure', 'C', 'drive'],
  ['diagnostics required', 'W', 'drive'],
  ...Array.from({ length: 9 }, () => undefined),
  ['diminished native capacity', 'I', 'note'],
  ['lost statistics', 'W', 'note'],
  ['tape directory invalid at unload', 'W', 'note'],
  ['tape system area write failure', 'C', 'volume'],
  ['tape system area read failure', 'C', 'volume'],
  ['no start of data', 'C', 'note'],
  ['loading or threading failure', 'C', 'note'],
  ['unrecoverable unload failure', 'C', 'drive'],
  ['automation interface failure', 'C', 'drive'],
  ['microcode failure', 'W', 'drive'],
  ['WORM volume: integrity check failed', 'W', 'volume'],
  ['WORM volume: overwrite attempted', 'W', 'note'],
]

const severities = { C: 'critical', W: 'warning', I: 'information' } as const

/** All 64, in order. Flags that no standard describes any more, or yet, are notes. */
export const tapeAlerts: readonly TapeAlert[] = Array.from({ length: 64 }, (_, index) => {
  const [name, severity, meaning] = rows[index] ?? [`flag ${index + 1}`, 'I', 'note']
  return { flag: index + 1, name, severity: severities[severity], meaning }
})

/** Page 2Eh with these flags raised; all 64 are in it. */
export function buildTapeAlerts(raised: ReadonlySet<number>): Uint8Array {
  const parameters = tapeAlerts.map(({ flag }) => ({
    code: flag,
    control: 0,
    value: Uint8Array.of(raised.has(flag) ? 1 : 0),
  }))
  return buildLogPage({ page: logPage.tapeAlert, subpage: 0, parameters })
}

/** The flags that page 2Eh shows raised. Reading it lowers them in the drive. */
export function parseTapeAlerts(bytes: Uint8Array): readonly TapeAlert[] {
  const { page, parameters } = parseLogPage(bytes)
  if (page !== logPage.tapeAlert)
    throw malformed('LOG SENSE, page 2Eh', `it is page ${page.toString(16)}h`, bytes)
  const raised = new Set(
    parameters.filter(({ value }) => ((value[0] ?? 0) & 1) !== 0).map(({ code }) => code),
  )
  return tapeAlerts.filter(({ flag }) => raised.has(flag))
}
