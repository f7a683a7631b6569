import { type Policy, type Schedule, type StartWindow, NbError } from '@nb/contracts'

const scheduleTypes = ['full', 'differential', 'cumulative', 'user-backup', 'user-archive']
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$/

/**
 * Refuses a policy that can't be meant.
 * @throws NbError `argument-invalid`, naming the field and what is allowed
 */
export function checkPolicy(policy: Policy): void {
  checkName('name', policy.name)
  if (policy.clients.length === 0) refuse('clients', 'needs at least one client')
  policy.clients.forEach((client, index) => checkName(`clients[${index}]`, client))
  checkUnique('clients', policy.clients)
  if (policy.selections.length === 0) refuse('selections', 'needs at least one path')
  policy.selections.forEach((path, index) => {
    if (!path.startsWith('/')) refuse(`selections[${index}]`, `must be an absolute path, not "${path}"`)
  })
  checkRange('priority', policy.priority ?? 0, 0, 99_999)
  if (policy.maxJobs !== undefined) checkRange('maxJobs', policy.maxJobs, 1, 999)
  if (policy.storage.kind !== 'any') checkName('storage.name', policy.storage.name)
  checkUnique(
    'schedules',
    policy.schedules.map((schedule) => schedule.name),
  )
  policy.schedules.forEach((schedule, index) => checkSchedule(`schedules[${index}]`, schedule))
}

function checkSchedule(field: string, schedule: Schedule): void {
  checkName(`${field}.name`, schedule.name)
  if (!scheduleTypes.includes(schedule.type))
    refuse(`${field}.type`, `must be one of ${scheduleTypes.join(', ')}`)
  checkRange(`${field}.frequencyMs`, schedule.frequencyMs, 60_000, 366 * 86_400_000)
  checkRange(`${field}.retentionLevel`, schedule.retentionLevel, 0, 100)
  schedule.windows.forEach((window, index) => checkWindow(`${field}.windows[${index}]`, window))
}

function checkWindow(field: string, window: StartWindow): void {
  checkRange(`${field}.weekday`, window.weekday, 0, 6)
  checkRange(`${field}.startSeconds`, window.startSeconds, 0, 86_399)
  checkRange(`${field}.durationSeconds`, window.durationSeconds, 1, 7 * 86_400)
}

function checkName(field: string, name: string): void {
  if (!namePattern.test(name)) {
    refuse(
      field,
      `must be 1–255 letters, digits, ".", "_", "+" or "-", beginning with a letter or digit, not "${name}"`,
    )
  }
}

function checkRange(field: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    refuse(field, `must be a whole number from ${least} to ${most}, not ${value}`)
  }
}

function checkUnique(field: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) refuse(field, `has "${twice}" twice`)
}

function refuse(field: string, what: string): never {
  throw new NbError('argument-invalid', `policy: ${field} ${what}`, { details: { field } })
}
