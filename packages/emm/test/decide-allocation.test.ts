import { type MediaNeed, statusCodes } from '@nb/contracts'
import t from 'tap'
import { decideAllocation } from '../src/decide-allocation.ts'
import type { Inventory } from '../src/inventory.ts'
import { assigned, disk, drive, hold, inventory, rules, tape, tapeSite, volume, writeTo } from './site.ts'

function denial(site: Inventory, need: MediaNeed) {
  const decision = decideAllocation(site, need, rules)
  if ('choice' in decision) throw new Error('was granted')
  for (const { reason } of decision.denial.blockers)
    if (statusCodes[reason] === undefined) throw new Error(`${reason} is not a status of ours`)
  const { possible, blockers } = decision.denial
  return { possible, reasons: blockers.map(({ kind, name, reason }) => [kind, name, reason]) }
}

t.test('a unit down and full has both reasons', async (t) => {
  const site = inventory([
    { table: 'units', key: 'disk1', value: disk('disk1', { state: 'down', maxConcurrentJobs: 0 }) },
  ])
  t.same(denial(site, writeTo('disk1')), {
    possible: true,
    reasons: [
      ['storage-unit-down', 'disk1', 2041],
      ['storage-unit-limit', 'disk1', 2045],
    ],
  })
})

t.test('drives are free but all volumes of the level are in use', async (t) => {
  const site = tapeSite([drive('d1'), drive('d2')], [assigned('A00001', 1)])
  hold(site, '17', 'd1', 'A00001')
  t.same(denial(site, writeTo('tape1')), { possible: true, reasons: [['volume', 'A00001', 2032]] })
})

t.test('the limit of drives that write is reached though a drive and a volume are free', async (t) => {
  const site = tapeSite([drive('d1'), drive('d2')], [volume('A00001'), volume('A00002')], {
    maxConcurrentDrives: 1,
  })
  hold(site, '17', 'd1', 'A00001')
  t.same(denial(site, writeTo('tape1')), { possible: true, reasons: [['storage-unit-limit', 'tape1', 2040]] })
  t.match(decideAllocation(site, writeTo('tape1'), rules), {
    denial: { blockers: [{ goesOnWhen: 'job 17 ends' }] },
  })
  const read = { kind: 'read', storageUnit: 'tape1', volumeId: 'A00002' } as const
  t.match(decideAllocation(site, read, rules), { choice: { medium: { drive: 'd2', volumeId: 'A00002' } } })
})

t.test('what only configuration can mend is not possible', async (t) => {
  const noDrive = tapeSite([], [volume('A00001')])
  t.same(denial(noDrive, writeTo('tape1')), { possible: false, reasons: [['not-configured', 'tape1', 2001]] })
  const noVolume = tapeSite([drive('d1')], [])
  t.same(denial(noVolume, writeTo('tape1')), { possible: false, reasons: [['volume', 'NetBackup', 2000]] })
  t.same(denial(noVolume, writeTo('tape1', 'Weekly')), {
    possible: false,
    reasons: [['not-configured', 'Weekly', 167]],
  })
  const read = { kind: 'read', storageUnit: 'tape1' } as const
  t.same(denial(noVolume, read), { possible: false, reasons: [['volume', 'no volume named', 2031]] })
  const otherDensity = tapeSite([drive('d1')], [volume('A00001', { density: 'dlt' })])
  t.same(denial(otherDensity, { ...read, volumeId: 'A00001' }), {
    possible: false,
    reasons: [['volume', 'A00001', 2042]],
  })
})

t.test('a volume outside the robot waits for an operator', async (t) => {
  const site = tapeSite([drive('d1')], [volume('A00001', { robot: 'tld9' })])
  t.same(denial(site, { kind: 'read', storageUnit: 'tape1', volumeId: 'A00001' }), {
    possible: true,
    reasons: [['volume', 'A00001', 2000]],
  })
})

t.test('a group of disk and tape falls over to the tape when the disk is down', async (t) => {
  const site = tapeSite([drive('d1')], [volume('A00001')])
  site.apply({ table: 'units', key: 'disk1', value: disk('disk1', { state: 'down' }) })
  const members = ['disk1', 'tape1']
  site.apply({ table: 'groups', key: 'g', value: { name: 'g', members, selection: 'failover' } })
  const need = { ...writeTo(''), storage: { kind: 'group', name: 'g' } } as const
  t.match(decideAllocation(site, need, rules), { choice: { unit: { name: 'tape1' } } })
  hold(site, '17', 'd1', 'A00001')
  t.same(denial(site, need), {
    possible: true,
    reasons: [
      ['storage-unit-down', 'disk1', 2041],
      ['volume', 'A00001', 2032],
    ],
  })
})

t.test(
  'those who read a volume share it, up to 32, on one storage unit, while its drive is up',
  async (t) => {
    const site = tapeSite([drive('d1'), drive('d2')], [assigned('A00001', 1)])
    site.apply({ table: 'units', key: 'tape2', value: tape('tape2') })
    const read = { kind: 'read', storageUnit: 'tape1', volumeId: 'A00001' } as const
    const busy = { possible: true, reasons: [['volume', 'A00001', 2032]] }
    hold(site, '1', 'd1', 'A00001', read)
    t.match(decideAllocation(site, read, rules), { choice: { medium: { drive: 'd1', volumeId: 'A00001' } } })
    t.same(denial(site, { ...read, storageUnit: 'tape2' }), busy)
    site.apply({ table: 'drives', key: 'd1', value: drive('d1', { state: 'down' }) })
    t.same(denial(site, read), busy)
    site.apply({ table: 'drives', key: 'd1', value: drive('d1') })
    for (let job = 2; job <= 32; job++) hold(site, String(job), 'd1', 'A00001', read)
    t.same(denial(site, read), busy)
  },
)

t.test('two units that share drives never get the same one', async (t) => {
  const site = tapeSite([drive('d1')], [volume('A00001'), volume('A00002')])
  site.apply({ table: 'units', key: 'tape2', value: tape('tape2') })
  hold(site, '17', 'd1', 'A00001')
  // A volume is free, so the drive alone is in the way.
  t.same(denial(site, writeTo('tape2')).reasons, [['drive', 'd1', 2001]])
})
