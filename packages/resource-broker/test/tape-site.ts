import type { MediaNeed } from '@nb/contracts'

export const maxPassedBy = 2
export const limits = { maxJobsPerPolicy: 4, maxJobsPerClient: 2 }

const tape = {
  type: 'tape',
  state: 'up',
  density: 'hcart',
  maxFragmentBytes: 2 ** 30,
  onDemandOnly: false,
} as const

/** The site: `tape1` and `tape2` share robot r1 and its two drives; `media1` moves data for at most three jobs. */
export const site = {
  units: {
    tape1: { ...tape, mediaServer: 'media1', robot: 'r1', maxConcurrentDrives: 2, maxStreamsPerDrive: 3 },
    tape2: { ...tape, mediaServer: 'media1', robot: 'r1', maxConcurrentDrives: 1 },
    tape3: { ...tape, mediaServer: 'media2', robot: 'r2', maxConcurrentDrives: 1, maxStreamsPerDrive: 2 },
    disk1: {
      type: 'disk',
      state: 'up',
      mediaServer: 'media2',
      maxFragmentBytes: 2 ** 30,
      onDemandOnly: false,
      maxConcurrentJobs: 2,
    },
  },
  drives: { d1: 'r1', d2: 'r1', d3: 'r2' },
  volumes: { A1: 'r1', A2: 'r1', A3: 'r1', B1: 'r2', B2: 'r2' },
  servers: { media1: 3, media2: undefined },
  robots: ['r1', 'r2'],
  group: ['tape3', 'disk1'],
} as const

export const needs: readonly MediaNeed[] = [
  write({ kind: 'unit', name: 'tape1' }),
  write({ kind: 'unit', name: 'tape1' }, 3),
  write({ kind: 'unit', name: 'tape1' }, 2),
  write({ kind: 'unit', name: 'tape1' }, 3),
  write({ kind: 'unit', name: 'tape2' }),
  write({ kind: 'unit', name: 'tape3' }, 2),
  write({ kind: 'group', name: 'g' }, 2),
  write({ kind: 'any' }),
  { kind: 'read', storageUnit: 'tape1', volumeId: 'A1' },
  { kind: 'read', storageUnit: 'tape2', volumeId: 'A2' },
  { kind: 'read', storageUnit: 'tape3', volumeId: 'B1' },
  { kind: 'read', storageUnit: 'disk1' },
]

function write(storage: Extract<MediaNeed, { kind: 'write' }>['storage'], multiplexing = 1): MediaNeed {
  return { kind: 'write', storage, volumePool: 'NetBackup', retentionLevel: 1, multiplexing }
}
