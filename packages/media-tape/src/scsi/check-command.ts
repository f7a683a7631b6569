import { NbError, type ScsiCommand } from '@nb/contracts'

/** Refuses what no transport can carry. Throws `argument-invalid`, naming the field. */
export function checkCommand({ cdb, dataIn, dataOut, timeoutMs }: ScsiCommand): void {
  if (![6, 10, 12, 16].includes(cdb.length))
    throw invalid('cdb', `a CDB has 6, 10, 12 or 16 bytes, not ${cdb.length}`)
  if ((dataIn?.length ?? 0) > 0 && (dataOut?.length ?? 0) > 0)
    throw invalid('dataOut', 'a command has one direction')
  if (timeoutMs !== undefined && !(timeoutMs >= 1))
    throw invalid('timeoutMs', `a command has at least 1 ms of time, not ${timeoutMs}`)
}

function invalid(field: string, message: string): NbError {
  return new NbError('argument-invalid', message, { details: { field } })
}
