import type { ImageCopy, Schedule } from '@nb/contracts'
import t from 'tap'
import { backupNeed, copiesInBackup, imageRetentionMs } from '../src/flow-lines.ts'
import type { JobRecord } from '../src/job-record.ts'
import { daily, full } from './fixture.ts'

const day = 86_400_000
const unit = (name: string) => ({ kind: 'unit', name }) as const

const record = (schedule: Schedule, more: Partial<JobRecord> = {}): JobRecord =>
  ({
    id: '1',
    backup: { policy: { ...daily, storage: unit('disk1') }, schedule, limits: {} },
    ...more,
  }) as JobRecord

const three: Schedule = {
  ...full,
  retentionLevel: 1,
  volumePool: 'Weekly',
  copies: [
    { onFailure: 'continue' },
    { storage: unit('disk2'), retentionLevel: 8 },
    { storage: { kind: 'group', name: 'offsite' }, volumePool: 'Offsite', onFailure: 'continue' },
  ],
}

t.test('each copy says what it needs, or the schedule or the policy does', async (t) => {
  t.strictSame(backupNeed(record(three)), {
    kind: 'write',
    storage: unit('disk1'),
    volumePool: 'Weekly',
    retentionLevel: 1,
    further: [
      { storage: unit('disk2'), volumePool: 'Weekly', retentionLevel: 8 },
      { storage: { kind: 'group', name: 'offsite' }, volumePool: 'Offsite', retentionLevel: 1 },
    ],
  })
  t.equal('further' in backupNeed(record(full)), false, 'a backup of one copy asks as it did')
  t.equal(copiesInBackup(record(full), 0), undefined)
})

t.test('the image is kept as long as the longest kept of its copies', async (t) => {
  const kept = record(three, { retentionMs: 14 * day, copyRetentionMs: [14 * day, 400 * day, 14 * day] })
  t.equal(imageRetentionMs(kept), 400 * day, 'by the retention table of the scheduler')
  t.strictSame(copiesInBackup(kept, 1000), [
    { copy: 1, onFailure: 'continue', expiresAt: 1000 + 14 * day },
    { copy: 2, onFailure: 'failAllCopies', expiresAt: 1000 + 400 * day },
    { copy: 3, onFailure: 'continue', expiresAt: 1000 + 14 * day },
  ])
  t.equal(imageRetentionMs(record(three)), 365 * day, "without one, by the field's")
  const forEver = record(three, { copyRetentionMs: [1, null, 1] })
  t.equal(imageRetentionMs(forEver), null)
  t.equal(copiesInBackup(forEver, 0)?.[1]?.expiresAt, undefined)
})

t.test('what goes on from a checkpoint needs the storage units of the copies that are left', async (t) => {
  const left: ImageCopy[] = [
    { copy: 2, storageUnit: 'disk2', mediaServer: 'media1', fragments: [] },
    { copy: 3, storageUnit: 'disk7', mediaServer: 'media1', fragments: [] },
  ]
  const resumed = record(three, { checkpoint: { copies: left } as unknown as JobRecord['checkpoint'] })
  t.match(backupNeed(resumed), {
    storage: unit('disk2'),
    retentionLevel: 8,
    further: [{ storage: unit('disk7'), volumePool: 'Offsite' }],
  })
})
