import { NbError, type Policy, type Schedule, type UserRunRequest } from '@nb/contracts'
import { type Opening, firstStart } from './windows.ts'

/** What serves a user's request. */
export interface UserChoice {
  readonly policy: Policy
  readonly schedule: Schedule
  readonly opening: Opening
}

/**
 * The policy and schedule that serve a user's request now: what the request names, else the first by name that has the
 * client and a schedule of the type with an open window.
 * @throws NbError `argument-invalid`, `policy-inactive`, `client-not-in-policy`, `schedule-unknown`,
 * `schedule-type-missing`, `outside-window`
 */
export function chooseForUser(
  request: UserRunRequest,
  /** The named policy, or all, sorted by name. */
  policies: readonly Policy[],
  now: number,
  timeZone: string,
): UserChoice {
  checkPaths(request)
  const named = request.policy === undefined ? undefined : policies[0]
  if (named !== undefined) checkNamed(named, request, now)
  const candidates = policies
    .filter((policy) => isInEffect(policy, now) && policy.clients.includes(request.client))
    .flatMap((policy) => schedulesFor(policy, request).map((schedule) => ({ policy, schedule })))
  if (candidates.length === 0) throw noSchedule(request)
  let soonest: UserChoice | undefined
  for (const candidate of candidates) {
    const opening = firstStart(candidate.schedule, timeZone, now)
    if (opening === undefined) continue
    if (opening.startsAt <= now) return { ...candidate, opening }
    if (soonest === undefined || opening.startsAt < soonest.opening.startsAt)
      soonest = { ...candidate, opening }
  }
  throw outsideWindow(request, soonest)
}

function checkPaths({ paths, requestId }: UserRunRequest): void {
  const refuse = (field: string, what: string): never => {
    throw new NbError('argument-invalid', `user backup: ${field} ${what}`, { details: { field } })
  }
  if (requestId === '') refuse('requestId', 'must not be empty')
  if (paths.length === 0) refuse('paths', 'needs at least one path')
  paths.forEach((path, index) => {
    if (!path.startsWith('/')) refuse(`paths[${index}]`, `must be an absolute path, not "${path}"`)
  })
}

function isInEffect({ active, effectiveAt = 0 }: Policy, now: number): boolean {
  return active && effectiveAt <= now
}

function checkNamed(policy: Policy, request: UserRunRequest, now: number): void {
  const details = { policy: policy.name }
  if (!isInEffect(policy, now)) {
    throw new NbError(
      'policy-inactive',
      `policy ${policy.name} is not active, or not in effect yet; activate it first`,
      { details },
    )
  }
  if (!policy.clients.includes(request.client)) {
    throw new NbError('client-not-in-policy', `client ${request.client} is not in policy ${policy.name}`, {
      details: { ...details, client: request.client },
    })
  }
  const { schedule: wanted } = request
  if (wanted !== undefined && !policy.schedules.some(({ name }) => name === wanted)) {
    const names = policy.schedules.map(({ name }) => name).join(', ') || 'none'
    throw new NbError(
      'schedule-unknown',
      `policy ${policy.name} has no schedule "${wanted}"; it has: ${names}`,
      {
        details: { ...details, schedule: wanted },
      },
    )
  }
}

function schedulesFor(policy: Policy, { type, schedule }: UserRunRequest): Schedule[] {
  return policy.schedules.filter(
    (each) => each.type === type && (schedule === undefined || each.name === schedule),
  )
}

function noSchedule({ client, type, policy, schedule }: UserRunRequest): NbError {
  const which = schedule === undefined ? '' : ` named "${schedule}"`
  const kind = `schedule of type ${type}${which}`
  const text =
    policy === undefined
      ? `no active policy that has client ${client} has a ${kind}`
      : `policy ${policy} has no ${kind}`
  return new NbError('schedule-type-missing', text, { details: { client, type } })
}

function outsideWindow({ client, type }: UserRunRequest, soonest: UserChoice | undefined): NbError {
  const opensAt = soonest?.opening.startsAt
  const next =
    soonest === undefined || opensAt === undefined
      ? 'none of its schedules has a window'
      : `the next opens at ${new Date(opensAt).toISOString()} (policy ${soonest.policy.name}, schedule ${soonest.schedule.name})`
  return new NbError('outside-window', `no window for a ${type} of client ${client} is open now; ${next}`, {
    details: { client, type, ...(opensAt === undefined ? {} : { opensAt }) },
    retryable: soonest !== undefined,
  })
}
