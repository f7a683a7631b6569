import t from 'tap'
import { chooseDrive } from '../src/choose-drive.ts'
import { drive, hold, tape, tapeSite, volume } from './site.ts'

const unit = tape('tape1')
const wanted = volume('A00001')

t.test('the drive that has the volume, else an empty one before a loaded one', async (t) => {
  const drives = [drive('d1', { loadedVolume: 'A00002' }), drive('d2')]
  const site = tapeSite(drives, [wanted, volume('A00002')])
  t.match(chooseDrive(site, unit, volume('A00002')), { drive: { name: 'd1' } })
  t.match(chooseDrive(site, unit, wanted), { drive: { name: 'd2' } })
})

t.test('of equal drives the one whose last use is longest ago', async (t) => {
  const site = tapeSite([drive('d1'), drive('d2'), drive('d3')], [wanted])
  site.apply({ table: 'selections', key: 'drive:d1', value: 7 })
  site.apply({ table: 'selections', key: 'drive:d2', value: 5 })
  site.apply({ table: 'selections', key: 'drive:d3', value: 6 })
  t.match(chooseDrive(site, unit, wanted), { drive: { name: 'd2' } })
})

t.test('with no drive free, every drive of the unit says why', async (t) => {
  const drives = [drive('d1'), drive('d2', { state: 'down', stateReason: 'needs cleaning' }), drive('d3')]
  const site = tapeSite(drives, [wanted, volume('A00002'), volume('A00003')])
  hold(site, '17', 'd1', 'A00002')
  hold(site, '18', 'd3', 'A00003')
  t.match(chooseDrive(site, unit, wanted), {
    blockers: [
      { kind: 'drive', name: 'd1', reason: 2001, holders: [{ jobId: '17', since: 5000 }] },
      { kind: 'drive', name: 'd2', reason: 830, goesOnWhen: /needs cleaning/ },
      { kind: 'drive', name: 'd3', reason: 2001, holders: [{ jobId: '18' }] },
    ],
  })
})

t.test('a volume in a drive that is down or busy with another waits for that drive alone', async (t) => {
  const down = tapeSite([drive('d1', { state: 'down', loadedVolume: 'A00001' }), drive('d2')], [wanted])
  t.match(chooseDrive(down, unit, wanted), { blockers: [{ kind: 'drive', name: 'd1', reason: 2054 }] })
  const busy = tapeSite([drive('d1', { loadedVolume: 'A00001' }), drive('d2')], [wanted, volume('A00002')])
  hold(busy, '17', 'd1', 'A00002')
  t.match(chooseDrive(busy, unit, wanted), { blockers: [{ name: 'd1', reason: 2001 }] })
})
