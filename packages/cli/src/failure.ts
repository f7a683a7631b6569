import { asNbError, describeStatus, isAbortError, NbError, statusCodes } from '@nb/contracts'
import { type ExitCode, UsageError } from './exit-code.ts'
import type { Output } from './output.ts'
import { printable } from './table.ts'

/** Tells a failure to the person: what happened, its status and what to do; in JSON for a program. Gives the exit code. */
export function tellFailure(error: unknown, output: Output): ExitCode {
  if (error instanceof UsageError) {
    output.note(usageText(error.message, output.json))
    return 2
  }
  if (isAbortError(error)) {
    output.note('nb: stopped')
    return 1
  }
  const failure = asNbError(error)
  const { code, status, remedy, retryable, details } = failure
  const typed = typedFault(failure, output)
  const message = typed ?? failure.message
  if (output.json)
    output.note(JSON.stringify({ error: { code, status, message, remedy, retryable, details } }))
  else if (typed !== undefined) output.note(`nb: ${printable(typed)} (${code})`)
  else
    output.note(
      `nb: ${linesOf(message, details).map(printable).join('\n')} (${code})\nstatus ${describeStatus(status)}\nremedy: ${printable(remedy)}`,
    )
  return exitCodeOf(failure)
}

/** What is said of a wrong command line that no server has seen. */
export function usageText(message: string, json: boolean): string {
  if (!json) return `nb: ${printable(message)}`
  const { status, remedy, retryable } = new NbError('argument-invalid', message)
  return JSON.stringify({
    error: { code: 'argument-invalid', status, message, remedy, retryable, details: {} },
  })
}

function exitCodeOf(failure: NbError): ExitCode {
  if (isUsage(failure)) return 2
  if (failure.code === 'server-unreachable') return 3
  return failure.status === 46 ? 4 : 1
}

/** What a server refuses is a wrong command line, unless a file says it. */
function isUsage({ code, details }: NbError): boolean {
  return (code === 'argument-invalid' || code === 'value-missing') && details['file'] === undefined
}

/** What the server says against a value that was typed, with the name that the person knows instead of the field's. */
function typedFault(failure: NbError, output: Output): string | undefined {
  const { message, details } = failure
  const { field } = details
  if (typeof field !== 'string' || !isUsage(failure)) return undefined
  const name = output.typedName(field)
  if (name === undefined) return undefined
  const at = message.indexOf(`${field} `)
  // `priority must be …`, `preview: to must be …`
  const begins = at === 0 || (at > 0 && /^[a-z ]+: $/.test(message.slice(0, at)))
  return begins ? name + message.slice(at + field.length) : `${name}: ${message}`
}

/**
 * The lines of a message: that of a file with faults has one for each. Elsewhere a line end is part of a name, and is shown as
 * such.
 */
function linesOf(message: string, { problems }: NbError['details']): string[] {
  return typeof problems === 'number' ? message.split('\n') : [message]
}

/** What a status means and what to do about it, for the end of a job or a request. */
export function statusLines(status: number): string[] {
  const remedy = statusCodes[status]?.remedy
  return [`status ${describeStatus(status)}`, ...(remedy === undefined ? [] : [`remedy: ${remedy}`])]
}

/** The error for a job that is not there. */
export function jobUnknown(jobId: string): NbError {
  return new NbError('job-unknown', `there is no job ${jobId}; nb jobs lists them`, { details: { jobId } })
}
