import { type Allocation, type Blocker, counted, describeStatus, type MediaNeed } from '@nb/contracts'

/** More reasons than this are counted, not told. */
const mostToldReasons = 8

/** Why a job waits, as a sentence for a person. Times are ISO 8601. */
export function waitingSentence(jobId: string, since: number, blockers: readonly Blocker[]): string {
  const told = blockers.slice(0, mostToldReasons).map((blocker, index) => {
    const before = blockers[index - 1]
    const link = before === undefined ? '' : isAlternative(before, blocker) ? '; or ' : '; and '
    return `${link}${reasonOf(blocker)}; job ${jobId} goes on when ${blocker.goesOnWhen}`
  })
  const rest = blockers.length - told.length
  const more = rest > 0 ? `; and ${counted(rest, 'more reason')}` : ''
  return `job ${jobId} waits since ${isoTime(since)} ${told.join('')}${more}`
}

/** The answer for a job that does not wait. */
export function notWaitingSentence(jobId: string, held: readonly Allocation[]): string {
  if (held.length === 0) return `job ${jobId} does not wait for resources`
  const places = held.map(
    ({ since, ...allocation }) => `${describeAllocation(allocation)} since ${isoTime(since)}`,
  )
  return `job ${jobId} does not wait: it holds ${places.join(' and ')}`
}

/** What is asked for, for a person. */
export function describeNeed(need: MediaNeed): string {
  if (need.kind === 'read') {
    const volume = need.volumeId === undefined ? '' : `volume ${need.volumeId} on `
    return `${volume}storage unit ${need.storageUnit} to read`
  }
  const { storage } = need
  const where =
    storage.kind === 'any'
      ? 'any storage unit'
      : `storage unit ${storage.kind === 'group' ? 'group ' : ''}${storage.name}`
  return `${where}, volume pool ${need.volumePool}, retention level ${need.retentionLevel}`
}

/** What was given, for a person. */
export function describeAllocation({
  storageUnit,
  mediaServer,
  medium,
}: Pick<Allocation, 'storageUnit' | 'mediaServer' | 'medium'>): string {
  const unit = `storage unit ${storageUnit} on media server ${mediaServer}`
  return medium.kind === 'disk' ? unit : `${unit} with drive ${medium.drive} and volume ${medium.volumeId}`
}

/** Units stand in for one another, limits and what lies within one unit do not. */
function isAlternative(before: Blocker, blocker: Blocker): boolean {
  if (before.storageUnit === undefined || blocker.storageUnit === undefined) return false
  return before.storageUnit !== blocker.storageUnit || (before.kind === 'drive' && blocker.kind === 'drive')
}

function reasonOf(blocker: Blocker): string {
  const { kind, name, reason, limit, inUse, holders } = blocker
  const jobs = holders.map((holder) => `job ${holder.jobId} since ${isoTime(holder.since)}`).join(', ')
  const counted = `${inUse ?? holders.length} of ${limit ?? '?'} jobs run`
  switch (kind) {
    case 'policy-limit':
      return `for policy ${name}: ${counted} (${jobs})`
    case 'client-limit':
      return `for client ${name}: ${counted} (${jobs})`
    case 'storage-unit-limit':
      if (limit === 0) return `for storage unit ${name}, which a limit of 0 disables`
      return `for storage unit ${name}: ${counted} there (${jobs})`
    case 'storage-unit-down':
      return `for storage unit ${name}, which is down`
    case 'turn':
      return `for its turn at storage unit ${name}, which is kept for a job of higher rank (${jobs})`
    case 'drive':
    case 'volume':
    case 'robot':
    case 'media-server':
      if (holders.length > 0) return `for ${kind} ${name}: in use (${jobs})`
      return `for ${kind} ${name} (${describeStatus(reason)})`
    case 'retry-delay':
    case 'suspension':
    case 'storage-unit-full':
    case 'storage-unit-missing':
    case 'not-configured':
      return `for ${name} (${describeStatus(reason)})`
  }
}

const isoTime = (time: number): string => new Date(time).toISOString()
