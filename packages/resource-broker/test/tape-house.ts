import type { JobLogLine, MediaNeed, ResourceRequest } from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { createVirtualClock } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import { createResourceBroker, type ResourceBrokerOptions } from '../src/index.ts'

type Write = Extract<MediaNeed, { kind: 'write' }>

/** A site with tape: drives d1… and volumes A00001… in one robot, behind one storage unit that shares drives. */
export async function tapeHouse({
  drives = 2,
  volumes = 4,
  streams = 4,
  options = {},
}: {
  readonly drives?: number
  readonly volumes?: number
  readonly streams?: number
  readonly options?: ResourceBrokerOptions
} = {}) {
  const clock = createVirtualClock()
  const lines: (JobLogLine & { readonly jobId: string })[] = []
  const log = {
    append: async (input: { readonly jobId: string; readonly lines: readonly JobLogLine[] }) =>
      void lines.push(...input.lines.map((line) => ({ ...line, jobId: input.jobId }))),
  }
  const media = createMediaManager({ store: new MemoryLevel(), clock })
  await media.start()
  const robot = { mediaServer: 'media1', density: 'hcart', robot: 'robot1' }
  await media.putStorageUnit({
    ...robot,
    name: 'tape1',
    type: 'tape',
    state: 'up',
    maxFragmentBytes: 2 ** 40,
    onDemandOnly: false,
    maxConcurrentDrives: drives,
    maxStreamsPerDrive: streams,
  })
  for (let drive = 1; drive <= drives; drive++)
    await media.putDrive({ ...robot, name: `d${drive}`, state: 'up' })
  for (let volume = 1; volume <= volumes; volume++)
    await media.putVolume({
      volumeId: volumeId(volume),
      density: 'hcart',
      robot: 'robot1',
      pool: 'NetBackup',
      state: 'active',
      mounts: 0,
    })
  const broker = createResourceBroker({ media, store: new MemoryLevel(), clock, log }, options)
  await broker.start()
  const stop = async () => {
    await broker.stop()
    await media.stop()
  }
  /** The texts of one job's log. */
  const textsOf = (jobId: string) => lines.filter((line) => line.jobId === jobId).map(({ text }) => text)
  return { clock, media, broker, lines, textsOf, stop }
}

export const volumeId = (number: number): string => `A${String(number).padStart(5, '0')}`

/** A backup to `tape1`. */
export function backup(
  jobId: string,
  fields: Partial<ResourceRequest> = {},
  need: Partial<Write> = {},
): ResourceRequest {
  return {
    requestId: `r-${jobId}`,
    jobId,
    jobType: 'backup',
    priority: 0,
    policy: 'nightly',
    client: `client-${jobId}`,
    limits: {},
    need: {
      kind: 'write',
      storage: { kind: 'unit', name: 'tape1' },
      volumePool: 'NetBackup',
      retentionLevel: 1,
      ...need,
    },
    ...fields,
  }
}

/** A restore from a volume through `tape1`. */
export function restore(
  jobId: string,
  volume: number,
  fields: Partial<ResourceRequest> = {},
): ResourceRequest {
  return backup(jobId, {
    jobType: 'restore',
    priority: 90_000,
    need: { kind: 'read', storageUnit: 'tape1', volumeId: volumeId(volume) },
    ...fields,
  })
}
