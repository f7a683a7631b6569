import { type Blocker, NbError, type ResourceRequest } from '@nb/contracts'
import type { GrantEngine } from './grant-engine.ts'
import type { Waiter } from './waiter.ts'

/** Ends those requests of a job which wait for a volume that a person has to bring. Rejects with `not-found` where there is none. */
export async function denyRequests(
  engine: GrantEngine,
  jobId: string,
  reason: string | undefined,
  blockersOf: (waiter: Waiter) => Promise<readonly Blocker[]>,
): Promise<void> {
  let isDenied = false
  for (const waiter of engine.room.ofJob(jobId)) {
    const wanted = (await blockersOf(waiter)).find((blocker) => blocker.wanted !== undefined)
    if (wanted === undefined) continue
    // While the media manager is asked for it, it may be granted yet.
    while (engine.room.isAsked(waiter)) await engine.turn()
    if (!engine.room.isWaiting(waiter)) continue
    engine.room.fail(waiter, denied(waiter.request, wanted, reason))
    isDenied = true
  }
  if (!isDenied)
    throw new NbError('not-found', `Job ${jobId} asks for no volume that a person has to bring.`, {
      details: { jobId },
    })
  engine.pump()
}

function denied({ jobId }: ResourceRequest, { name, wanted }: Blocker, reason: string | undefined): NbError {
  const what = wanted?.volumeId === undefined ? `another volume of pool ${name}` : `volume ${wanted.volumeId}`
  const why = reason === undefined ? '' : `: ${reason}`
  return new NbError('request-denied', `An operator has denied job ${jobId} ${what}${why}`, {
    details: { jobId, ...(wanted?.volumeId === undefined ? {} : { volumeId: wanted.volumeId }) },
  })
}
