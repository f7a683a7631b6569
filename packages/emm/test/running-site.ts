import type { JobLogLine, MediaManagerEvents, MediaNeed, TapeStorageUnit, Volume } from '@nb/contracts'
import { collect, createVirtualClock, type VirtualClock } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import type { Test } from 'tap'
import { createMediaManager, type MediaManagerOptions } from '../src/index.ts'
import { drive, tape, volume, writeTo } from './site.ts'

export const hour = 3_600_000

/** A running media manager with unit tape1, drives d1–d3 in robot tld0 and volumes A00001–A00003. */
export interface RunningSite {
  readonly media: ReturnType<typeof createMediaManager>
  readonly clock: VirtualClock
  /** Every event so far that changes a state, as `name: what state (reason)`. */
  readonly told: string[]
  /** The texts of the lines in job logs. */
  readonly lines: string[]
  /** The volume as it is now. */
  readonly volume: (volumeId: string) => Promise<Volume>
  /** Allocates, or fails the test. */
  readonly give: (
    jobId: string,
    need?: MediaNeed,
  ) => Promise<{ drive: string; volumeId: string; multiplex?: unknown }>
  /** The kinds, names and reasons why nothing is given. */
  readonly refusal: (need?: MediaNeed) => Promise<readonly (readonly [string, string, number])[]>
}

export async function runningSite(
  t: Test,
  unit: Partial<TapeStorageUnit> = {},
  options: MediaManagerOptions = {},
): Promise<RunningSite> {
  const clock = createVirtualClock()
  const told: string[] = []
  const lines: string[] = []
  const log = {
    append: async (input: { readonly jobId: string; readonly lines: readonly JobLogLine[] }) =>
      void lines.push(...input.lines.map(({ text }) => `${input.jobId}: ${text}`)),
  }
  const media = createMediaManager({ store: new MemoryLevel(), clock, log }, options)
  for (const name of ['volume:state', 'drive:state', 'media-server:state', 'storage-unit:state'] as const)
    media.on(name, (payload: MediaManagerEvents[typeof name]) => {
      const what = 'volumeId' in payload ? payload.volumeId : payload.name
      told.push(
        `${name}: ${what} ${payload.state}${payload.reason === undefined ? '' : ` (${payload.reason})`}`,
      )
    })
  for (const name of ['volume:assigned', 'volume:unassigned'] as const)
    media.on(name, ({ volumeId }: MediaManagerEvents[typeof name]) => void told.push(`${name}: ${volumeId}`))
  media.on('media:error', ({ drive: name, action }) => void told.push(`media:error: ${name} ${action}`))
  await media.start()
  t.teardown(() => media.stop())
  await media.putPool({ name: 'Scratch', scratch: true })
  await media.putStorageUnit(tape('tape1', { maxConcurrentDrives: 3, ...unit }))
  for (const name of ['d1', 'd2', 'd3']) await media.putDrive(drive(name))
  for (const id of ['A00001', 'A00002', 'A00003']) await media.putVolume(volume(id))
  return {
    media,
    clock,
    told,
    lines,
    volume: async (volumeId) => {
      const [found] = await collect(media.volumes({ volumeId }))
      if (found === undefined) throw new Error(`no volume ${volumeId}`)
      return found
    },
    give: async (jobId, need = writeTo('tape1')) => {
      const answer = await media.allocate({ allocationId: `a${jobId}`, jobId, need })
      if (!answer.granted || answer.allocation.medium.kind !== 'tape') throw new Error(JSON.stringify(answer))
      return answer.allocation.medium
    },
    refusal: async (need = writeTo('tape1')) =>
      (await media.blockers({ need })).blockers.map(
        ({ kind, name, reason }) => [kind, name, reason] as const,
      ),
  }
}
