import { readFile } from 'node:fs/promises'
import { NbError } from '@nb/contracts'
import { enrolAt } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatTime } from '../units.ts'

/** What `nb host enrol` is told. */
export interface HostEnrolRequest {
  readonly master: string
  /** A file with the token: on a command line everybody on the host could read it. */
  readonly tokenFile: string
  readonly addresses: readonly string[]
  /** Where the identity is kept. */
  readonly directory: string
  /** Whether the identity of another name that is there is replaced. */
  readonly replace: boolean
}

/** `nb host enrol`: makes a key on this host and has the master certify it for the name that its token is for. */
export async function hostEnrolCommand(
  { master, tokenFile, addresses, directory, replace }: HostEnrolRequest,
  output: Output,
): Promise<ExitCode> {
  const token = await readFile(tokenFile, 'utf8').catch((cause: unknown) => {
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause)
    throw new NbError('argument-invalid', `the token file ${tokenFile} can not be read: ${why}`, {
      details: { field: 'tokenFile' },
      cause,
    })
  })
  const { name, roles, notAfter, fingerprint } = await enrolAt({
    master,
    token,
    addresses,
    directory,
    replace,
  })
  if (output.json) await output.value({ name, roles, notAfter, fingerprint, directory })
  else
    await output.line(
      `${name} is enrolled as ${roles.join(', ')}; its certificate is good until ${formatTime(notAfter)} and kept in ${directory}`,
    )
  return 0
}
