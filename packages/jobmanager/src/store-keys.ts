/** Digits of a job id in a key, so that keys sort as numbers. */
const idDigits = 16
const lineDigits = 10

/** Whether the text can be a job id: a positive decimal number. */
export function isJobId(text: string): boolean {
  return /^[1-9]\d{0,14}$/.test(text)
}

/** The key of a job's record. */
export function jobKey(jobId: string): string {
  return jobId.padStart(idDigits, '0')
}

/** The job id of a record's or line's key, or `undefined` when it is no such key. */
export function jobIdOfKey(key: string): string | undefined {
  const id = key.slice(0, idDigits).replace(/^0+/, '')
  return isJobId(id) && (key.length === idDigits || key[idDigits] === '/') ? id : undefined
}

/** The key of line `number` (from 1) of a job's log. */
export function lineKey(jobId: string, number: number): string {
  return `${jobKey(jobId)}/${String(number).padStart(lineDigits, '0')}`
}

/** The number of the line with this key. */
export function lineNumberOfKey(key: string): number {
  return Number(key.slice(idDigits + 1))
}

/** The keys of all lines of a job after line `number`. */
export function linesAfter(jobId: string, number: number): { readonly gt: string; readonly lt: string } {
  return { gt: lineKey(jobId, number), lt: `${jobKey(jobId)}0` }
}
