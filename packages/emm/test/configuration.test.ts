import { type ErrorCode, NbError } from '@nb/contracts'
import t, { type Test } from 'tap'
import * as configuration from '../src/configuration.ts'
import { disk, drive, hold, inventory, tape, tapeSite, volume } from './site.ts'

function refused(t: Test, code: ErrorCode, mention: RegExp, run: () => unknown): void {
  try {
    run()
    t.fail(`expected ${code}`)
  } catch (error) {
    if (!(error instanceof NbError)) throw error
    t.equal(error.code, code)
    t.match(error.message, mention)
  }
}

t.test('numbers must be whole and within bounds; the message names field, value and bounds', async (t) => {
  const empty = inventory([])
  for (const maxConcurrentJobs of [-1, 1.5, NaN, Infinity])
    refused(t, 'argument-invalid', /maxConcurrentJobs is .*allowed: a whole number 0–10000/, () =>
      configuration.putUnit(empty, disk('disk1', { maxConcurrentJobs })),
    )
  refused(t, 'argument-invalid', /density/, () => configuration.putUnit(empty, tape('t', { density: '' })))
  refused(t, 'argument-invalid', /each storage unit once/, () =>
    configuration.putGroup(empty, { name: 'g', members: ['a', 'a'], selection: 'failover' }),
  )
})

t.test('what is not ours is not kept', async (t) => {
  const input = { ...disk('disk1'), surprise: true }
  t.same(configuration.putUnit(inventory([]), input), [
    { table: 'units', key: 'disk1', value: disk('disk1') },
  ])
})

t.test('a barcode is on one volume only', async (t) => {
  const site = tapeSite([], [volume('A00001', { barcode: 'A00001L8' })])
  refused(t, 'already-exists', /A00001/, () =>
    configuration.putVolume(site, volume('A00002', { barcode: 'A00001L8' })),
  )
})

t.test('a volume is in one drive only, and of its density', async (t) => {
  const site = tapeSite(
    [drive('d1', { loadedVolume: 'A00001' })],
    [volume('A00001'), volume('X00001', { density: 'dlt' })],
  )
  refused(t, 'state-conflict', /is in drive d1/, () =>
    configuration.putDrive(site, drive('d2', { loadedVolume: 'A00001' })),
  )
  refused(t, 'argument-invalid', /loadedVolume/, () =>
    configuration.putDrive(site, drive('d2', { loadedVolume: 'X00001' })),
  )
  refused(t, 'argument-invalid', /in drive d1/, () =>
    configuration.putVolume(site, volume('A00001', { density: 'dlt' })),
  )
})

t.test('a volume in use may fill up but not change its pool', async (t) => {
  const site = tapeSite([drive('d1')], [volume('A00001')])
  hold(site, '17', 'd1', 'A00001')
  t.equal(configuration.putVolume(site, volume('A00001', { state: 'full', mounts: 1 })).length, 1)
  refused(t, 'state-conflict', /job 17/, () =>
    configuration.putVolume(site, volume('A00001', { pool: 'Scratch' })),
  )
  refused(t, 'state-conflict', /job 17/, () => configuration.putDrive(site, drive('d1', { robot: 'tld1' })))
})

t.test('an assigned volume has a retention level', async (t) => {
  refused(t, 'argument-invalid', /retentionLevel/, () =>
    configuration.putVolume(tapeSite([], []), volume('A00001', { assignedAt: 1 })),
  )
})
