import type { Catalog, Grant, ImageRecord, Logger, MediaServer, ResourceBroker } from '@nb/contracts'
import { attempt } from './patience.ts'

/** What is done with answers that come when their job has ended already. */
export interface LateAnswers {
  readonly grant: (grant: Grant) => void
  readonly image: (image: ImageRecord) => void
  readonly session: (server: MediaServer, session: { readonly sessionId: string }) => void
}

/** Gives back at once whatever a call made for a job that did not wait for it any more. */
export function createLateAnswers(broker: ResourceBroker, catalog: Catalog, log: Logger): LateAnswers {
  const reason = 'its job ended meanwhile'
  return {
    grant: ({ leaseId }) => void attempt(log, 'release of a late grant', () => broker.release({ leaseId })),
    image: ({ backupId }) =>
      void attempt(log, 'discard of a late image', () => catalog.discardImage({ backupId, reason })),
    session: (server, { sessionId }) =>
      void attempt(log, 'end of a late session', () => server.endSession({ sessionId, status: 150, reason })),
  }
}
