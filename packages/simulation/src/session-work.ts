import {
  type Allocation,
  type Catalog,
  type Clock,
  type JobSessions,
  type MediaManager,
  type MediaNeed,
  NbError,
} from '@nb/contracts'
import type { SimulatedClients } from './clients.ts'
import type { DiskRoom } from './disk-room.ts'
import type { FlowNetwork, NetworkLink } from './flow-network.ts'
import type { Hardware } from './hardware.ts'
import type { Session } from './session.ts'
import type { Shelf } from './shelf.ts'

/** What simulated media servers work with. */
export interface MediaServerParts {
  readonly clock: Clock
  readonly network: FlowNetwork
  readonly hardware: Hardware
  readonly clients: SimulatedClients
  readonly media: MediaManager
  /** Tells how old the image is that an incremental is compared with. */
  readonly catalog: Pick<Catalog, 'getImage'>
  /** Whom the sessions ask and report to. */
  readonly jobs: () => Pick<JobSessions, 'requestMedia' | 'sessionEnded'>
  readonly shelf: Shelf
  /** Is told when there is more or less room on a disk. */
  readonly room: Pick<DiskRoom, 'tell'>
}

/** What sessions of one media server work with. */
export interface SessionWork extends MediaServerParts {
  readonly mediaServer: string
  /** The media server's link in the network, where it has one. */
  readonly link: NetworkLink | undefined
}

/** Asks the job manager, as step 9 says, and waits for its answer. */
export async function askForMedia(
  { jobs, mediaServer }: SessionWork,
  session: Session,
  need: MediaNeed,
  requestId: string,
): Promise<Allocation> {
  const { sessionId, jobId } = session.info
  const answered = session.answerTo(requestId)
  // Where the request fails, nobody hears how the answer went.
  answered.catch(() => undefined)
  await session.unlessEnded(jobs().requestMedia({ requestId, sessionId, jobId, mediaServer, need }))
  const answer = await answered
  if (answer.granted) return answer.allocation
  throw new NbError('request-impossible', answer.text, { status: answer.status })
}

/** Moves so many bytes between a client and a medium; ended early, it stops at once. */
export function move(
  { network, clients, link }: SessionWork,
  session: Session,
  client: string,
  medium: NetworkLink,
  bytes: number,
): Promise<void> {
  if (bytes <= 0) return Promise.resolve()
  const reader = clients.link(client)
  const flow = network.start(bytes, link === undefined ? [reader, medium] : [reader, link, medium])
  return session.whileItLives(flow.done, flow.abort)
}

/** The name of a media server's link in the network; it has one when it has been added. */
export function linkOfMediaServer(name: string): string {
  return `media server ${name}`
}
