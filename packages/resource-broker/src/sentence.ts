import {
  type Allocation,
  type AllocationResult,
  type Blocker,
  counted,
  describeStatus,
  type MediaNeed,
  nameOfBlocker,
} from '@nb/contracts'

/** More reasons than this are counted, not told. */
export const mostToldReasons = 8

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
  const { storage, multiplexing = 1 } = need
  const where =
    storage.kind === 'any'
      ? 'any storage unit'
      : `storage unit ${storage.kind === 'group' ? 'group ' : ''}${storage.name}`
  const shared = multiplexing > 1 ? `, up to ${multiplexing} jobs on a drive` : ''
  const further =
    need.further === undefined
      ? ''
      : `, and room for ${counted(need.further.length, 'further copy', 'further copies')}`
  return `${where}, volume pool ${need.volumePool}, retention level ${need.retentionLevel}${shared}${further}`
}

/** What was given, for a person. */
export function describeAllocation({
  storageUnit,
  mediaServer,
  medium,
  further = [],
}: Pick<Allocation, 'storageUnit' | 'mediaServer' | 'medium' | 'further'>): string {
  const unit = `storage unit ${storageUnit} on media server ${mediaServer}`
  const one =
    medium.kind === 'disk' ? unit : `${unit} with drive ${medium.drive} and volume ${medium.volumeId}`
  return [one, ...further.map((each) => describeAllocation(each))].join(' and ')
}

/** Units stand in for one another, limits and what lies within one unit do not. */
function isAlternative(before: Blocker, blocker: Blocker): boolean {
  if (before.storageUnit === undefined || blocker.storageUnit === undefined) return false
  return before.storageUnit !== blocker.storageUnit || (before.kind === 'drive' && blocker.kind === 'drive')
}

function reasonOf(blocker: Blocker): string {
  const { kind, name, reason, limit, inUse, holders, wanted } = blocker
  if (wanted?.volumeId !== undefined)
    return `for volume ${wanted.volumeId}, which is not in ${wanted.robot === undefined ? 'a drive' : `robot ${wanted.robot}`}`
  const jobs = describeHolders(holders, inUse)
  const running = `${inUse ?? holders.length} of ${limit ?? '?'} jobs run`
  switch (kind) {
    case 'policy-limit':
      return `for policy ${name}: ${running} (${jobs})`
    case 'client-limit':
      return `for client ${name}: ${running} (${jobs})`
    case 'storage-unit-limit':
      if (limit === 0) return `for storage unit ${name}, which a limit of 0 disables`
      return `for storage unit ${name}: ${running} there (${jobs})`
    case 'storage-unit-full':
      if (limit !== undefined)
        return `for storage unit ${name}, which is ${inUse ?? limit}% used (${describeStatus(reason)})`
      if (holders.length > 0) return `for room on storage unit ${name}, where others write (${jobs})`
      return `for room on storage unit ${name} (${describeStatus(reason)})`
    case 'storage-unit-down':
      return `for storage unit ${name}, which is down`
    case 'turn':
      return `for its turn at storage unit ${name}, which is kept for a job of higher rank (${jobs})`
    case 'drive':
    case 'volume':
    case 'robot':
    case 'media-server':
      if (holders.length > 0) return `for ${nameOfBlocker(blocker)}: in use (${jobs})`
      return `for ${nameOfBlocker(blocker)} (${describeStatus(reason)})`
    case 'retry-delay':
    case 'suspension':
    case 'storage-unit-missing':
    case 'not-configured':
      return `for ${name} (${describeStatus(reason)})`
  }
}

/** More jobs than this are counted, not told. */
const mostToldJobs = 8

function describeHolders(holders: Blocker['holders'], inUse: number = holders.length): string {
  const told = holders
    .slice(0, mostToldJobs)
    .map(({ jobId, since }) => `job ${jobId} since ${isoTime(since)}`)
  const rest = Math.max(inUse, holders.length) - told.length
  return [...told, ...(rest > 0 ? [counted(rest, 'more job')] : [])].join(', ')
}

/** What favoured an allocation, as the media manager says. */
export type Favour = Extract<AllocationResult, { granted: true }>['favour']

/** Why a request was served before one of higher rank that these reasons block, as the end of "because it …". */
export function becauseOf(blockers: readonly Blocker[], favour: Favour): string {
  if (favour === 'multiplex-group') return 'joins a multiplex group'
  const wanted = blockers.find(({ kind }) => kind === 'volume' || kind === 'drive')
  if (favour === 'mounted-volume')
    return wanted === undefined
      ? 'finds its volume mounted'
      : `finds its volume mounted, while the other waits for ${nameOfBlocker(wanted)}`
  const [first] = blockers
  if (wanted !== undefined) return `does not need ${nameOfBlocker(wanted)}`
  return first === undefined ? 'needs less' : `is not bound by what the other waits for (${first.name})`
}

const isoTime = (time: number): string => new Date(time).toISOString()
