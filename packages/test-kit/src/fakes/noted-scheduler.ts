import type { NbError, Scheduler, UserRunRequest } from '@nb/contracts'

/** The part of a scheduler that takes users' requests; it notes them and starts nothing. */
export interface NotedScheduler extends Pick<Scheduler, 'runForUser'> {
  /** What it was asked for, in order. */
  readonly requests: readonly UserRunRequest[]
  /** The job it answered a request with. */
  jobIdOf(requestId: string): string
  /** Makes the next call fail. */
  refuseNext(error: NbError): void
}

/** Makes one. */
export function createNotedScheduler(): NotedScheduler {
  const requests: UserRunRequest[] = []
  let refusal: NbError | undefined
  const jobIdOf = (requestId: string): string => `job-of-${requestId}`
  return {
    requests,
    jobIdOf,
    refuseNext: (error) => void (refusal = error),
    runForUser: async (input) => {
      const refused = refusal
      refusal = undefined
      if (refused !== undefined) throw refused
      requests.push(input)
      return { jobId: jobIdOf(input.requestId) }
    },
  }
}
