import { NbError, statusCodes } from '@nb/contracts'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'

/** Options of `nb status`. */
export interface StatusOptions {
  /** The number; without one, all of them. */
  readonly status?: number
}

/** `nb status [N]`: what a status means and what to do about it. Rejects with `not-found`. Asks no server. */
export async function statusCommand({ status }: StatusOptions, output: Output): Promise<ExitCode> {
  const all = Object.entries(statusCodes).map(([number, code]) => ({ status: Number(number), ...code }))
  if (status === undefined) {
    await output.table(all, [
      { title: 'STATUS', value: (one) => one.status, align: 'right' },
      { title: 'MEANING', value: (one) => one.meaning, shrinks: true },
    ])
    return 0
  }
  const found = all.find((one) => one.status === status)
  if (found === undefined)
    throw new NbError('not-found', `no status ${status} is used here; nb status lists them`, {
      details: { status },
    })
  if (output.json) await output.value(found)
  else await output.line(`status ${status}: ${found.meaning}\n${found.remedy}`)
  return 0
}
