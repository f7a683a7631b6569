import type { CallOptions, JobType, WantedVolume } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatDuration } from '../units.ts'
import { wantedText } from '../wanted-text.ts'

/** A pending request to the operator: a volume that has to be brought for a job. */
export interface PendingRequest {
  readonly jobId: string
  readonly jobType: JobType
  readonly client: string
  readonly policy?: string
  /** Since when the job waits, milliseconds since the epoch. */
  readonly since: number
  readonly storageUnit?: string
  readonly wanted: WantedVolume
}

/** `nb requests`: the volumes that a person has to bring, and for which jobs. They are what the broker's queue waits for. */
export async function requestsCommand(
  { broker }: Pick<Ports, 'broker'>,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const pending: PendingRequest[] = []
  for await (const { request, since, blockers } of broker.queue({}, call))
    for (const { wanted, storageUnit } of blockers) {
      if (wanted === undefined) continue
      const { jobId, jobType, client, policy } = request
      pending.push({
        ...{ jobId, jobType, client, since, wanted },
        ...(policy === undefined ? {} : { policy }),
        ...(storageUnit === undefined ? {} : { storageUnit }),
      })
    }
  pending.sort((a, b) => a.since - b.since)
  if (pending.length === 0 && !output.json) {
    output.note('no job waits for a volume that you have to bring')
    return 0
  }
  const now = output.now()
  await output.table(pending, [
    { title: 'JOB', value: ({ jobId }) => jobId, align: 'right' },
    { title: 'TYPE', spare: 2, value: ({ jobType }) => jobType },
    { title: 'WAITING', value: ({ since }) => formatDuration(now - since), align: 'right' },
    { title: 'WANTS', value: ({ wanted }) => wantedText(wanted) },
    { title: 'IN', value: ({ wanted, storageUnit }) => wanted.robot ?? storageUnit, shrinks: true },
    { title: 'DENSITY', spare: 1, value: ({ wanted }) => wanted.density },
    { title: 'CLIENT', value: ({ client }) => client, shrinks: true },
    { title: 'POLICY', value: ({ policy }) => policy, shrinks: true },
  ])
  if (!output.json) output.note('nb why JOB tells how each is answered')
  return 0
}
