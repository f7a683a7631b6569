import { type CallOptions, type Scheduler, type UserRunRequest, NbError, throwIfAborted } from '@nb/contracts'
import { missing, plain } from './check-request.ts'

/** What user backups and archives need. */
export interface UserRunComponents {
  readonly scheduler?: Pick<Scheduler, 'runForUser'>
}

/**
 * Hands a user's own backup or archive to the scheduler, with its paths in their one form and none of them twice.
 * @throws NbError `argument-invalid`, `value-missing`, naming the field; `not-supported` without a scheduler; and what
 * the scheduler refuses it with
 */
export async function startUserRun(
  { scheduler }: UserRunComponents,
  input: UserRunRequest,
  options?: CallOptions,
): Promise<{ readonly jobId: string }> {
  throwIfAborted(options)
  const request = checkUserRun(input)
  if (scheduler === undefined) {
    throw new NbError(
      'not-supported',
      'no scheduler is connected here, so users cannot start backups; ask the master server',
    )
  }
  return scheduler.runForUser(request, options)
}

/** Refuses a request that can't be meant. */
export function checkUserRun(request: UserRunRequest): UserRunRequest {
  if (request.requestId === '') missing('requestId', 'give each request an id of its own')
  if (request.client === '') missing('client', 'name the client whose files they are')
  if (request.policy === '') missing('policy', 'name a policy, or leave it out')
  if (request.schedule === '') missing('schedule', 'name a schedule, or leave it out')
  if (request.type !== 'user-backup' && request.type !== 'user-archive') {
    throw new NbError('argument-invalid', 'type must be user-backup or user-archive', {
      details: { field: 'type' },
    })
  }
  if (request.paths.length === 0) missing('paths', 'name at least one file or directory')
  const paths = [...new Set(request.paths.map((path, index) => plain(`paths[${index}]`, path)))]
  if (request.type === 'user-archive' && paths.some((path) => path === '/')) {
    throw new NbError(
      'argument-invalid',
      'an archive of "/" would remove all files of the client; name what to archive',
      {
        details: { field: 'paths' },
      },
    )
  }
  return { ...request, paths }
}
