import { NbError, type QueuedRequest, type ReconcileReport, type ResourceBroker } from '@nb/contracts'

/** A broker that tells what a test lets it hold. */
export interface MemoryBroker extends ResourceBroker {
  readonly waiting: QueuedRequest[]
  orphans: Omit<ReconcileReport, 'repaired'>
  /** Of requests that were denied. */
  readonly reasons: (string | undefined)[]
}

export function memoryBroker(): MemoryBroker {
  const waiting: QueuedRequest[] = []
  const notForTheCli = async (): Promise<never> => {
    throw new NbError('not-supported', 'the command line does not call this')
  }
  const broker: MemoryBroker = {
    waiting,
    reasons: [],
    orphans: { orphanedAllocations: [], orphanedLeases: [] },
    acquire: notForTheCli,
    renew: notForTheCli,
    release: notForTheCli,
    setPriority: notForTheCli,
    deny: async ({ jobId, reason }) => {
      const at = waiting.findIndex(({ request }) => request.jobId === jobId)
      if (at < 0)
        throw new NbError('not-found', `Job ${jobId} asks for no volume that a person has to bring.`)
      waiting.splice(at, 1)
      broker.reasons.push(reason)
    },
    explain: notForTheCli,
    async *queue({ limit }) {
      yield* waiting.slice(0, limit)
    },
    async *grants() {},
    reconcile: async ({ repair }) => {
      const found = { ...broker.orphans, repaired: repair }
      if (repair) broker.orphans = { orphanedAllocations: [], orphanedLeases: [] }
      return found
    },
  }
  return broker
}
