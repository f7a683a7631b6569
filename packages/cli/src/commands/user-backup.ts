import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { CallOptions, Path, UserRunRequest } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { tellStarted } from './backup.ts'
import { given } from './each.ts'

/** Options of `nb backup --user` and `nb backup --archive`. */
export interface UserBackupOptions extends CallOptions {
  /** Files and directories, absolute. */
  readonly paths: readonly Path[]
  /** An archive removes from the client what it has saved. */
  readonly type: UserRunRequest['type']
  /** Whose files. @default the only client of the policies, or this host */
  readonly client?: string
  /** @default the first by name that has the client and a schedule of the type with an open window */
  readonly policy?: string
  readonly schedule?: string
  /** Who asks, for the job's log. @default 'nb backup' */
  readonly requestedBy?: string
  /** Wait until the job has ended. @default false */
  readonly wait?: boolean
}

/**
 * `nb backup --user|--archive PATH...`: backs up what a user names, by a user schedule of a policy. Rejects with
 * `policy-unknown`, `policy-inactive`, `schedule-unknown`, `client-not-in-policy`, `schedule-type-missing`,
 * `outside-window`, `argument-invalid`.
 */
export async function userBackupCommand(
  { restores, jobs, scheduler }: Pick<Ports, 'restores' | 'jobs' | 'scheduler'>,
  {
    paths,
    type,
    client,
    policy,
    schedule,
    requestedBy = 'nb backup',
    wait = false,
    ...call
  }: UserBackupOptions,
  output: Output,
): Promise<ExitCode> {
  const { jobId } = await restores.backup(
    {
      requestId: randomUUID(),
      client: client ?? (await onlyClient({ scheduler }, call)),
      type,
      paths,
      ...given('policy', policy),
      ...given('schedule', schedule),
      requestedBy,
    },
    call,
  )
  return tellStarted(jobs, [jobId], wait, call, output)
}

/** This host, or the only client that any policy names; on a server of its own they are the same. */
async function onlyClient({ scheduler }: Pick<Ports, 'scheduler'>, call: CallOptions): Promise<string> {
  const clients = new Set<string>()
  for await (const policy of scheduler.policies({}, call))
    for (const client of policy.clients) clients.add(client)
  const [only, ...others] = clients
  return only !== undefined && others.length === 0 ? only : hostname()
}
