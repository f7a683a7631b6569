import { type Blocker, describeStatus, type Json, NbError, type ResourceRequest } from '@nb/contracts'

/** `manager-stopping`: not started, or stopped. */
export function notRunning(): NbError {
  return new NbError('manager-stopping', 'the resource broker does not run; start it first')
}

/** `request-impossible`, with the first blocker's reason as its status. */
export function impossible(request: ResourceRequest, blockers: readonly Blocker[]): NbError {
  const reasons = blockers.map(({ name, reason, goesOnWhen }) => {
    return `${name} (${describeStatus(reason)}); it needs that ${goesOnWhen}`
  })
  const [first] = blockers
  return new NbError(
    'request-impossible',
    `no release by others can ever serve job ${request.jobId}: ${reasons.join('; ')}`,
    {
      ...(first === undefined ? {} : { status: first.reason }),
      details: { jobId: request.jobId, blockers: blockers as unknown as Json },
    },
  )
}
