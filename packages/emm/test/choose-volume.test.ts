import t from 'tap'
import { volumesToWrite } from '../src/choose-volume.ts'
import type { Inventory } from '../src/inventory.ts'
import { assigned, drive, rules, tape, tapeSite, volume } from './site.ts'

const ids = (site: Inventory, volumePool = 'NetBackup', retentionLevel = 1) =>
  [...volumesToWrite(site, tape('tape1'), { volumePool, retentionLevel }, rules)].map(
    ({ volumeId }) => volumeId,
  )

t.test('a mounted volume of the same level goes first, then assigned, then new, then scratch', async (t) => {
  const site = tapeSite(
    [drive('d1', { loadedVolume: 'MOUNT1' }), drive('d2', { loadedVolume: 'NEWMNT' })],
    [
      volume('SCRAT1', { pool: 'Scratch' }),
      volume('NEW002', { lastMountedAt: 20 }),
      volume('NEW001', { lastMountedAt: 30 }),
      volume('NEWMNT', { lastMountedAt: 99 }),
      assigned('ASSIG1', 1),
      assigned('MOUNT1', 1),
    ],
  )
  t.same(ids(site), ['MOUNT1', 'ASSIG1', 'NEWMNT', 'NEW002', 'NEW001', 'SCRAT1'])
})

t.test('retention levels are not mixed: the number counts, not the period', async (t) => {
  const site = tapeSite([drive('d1')], [assigned('LEVEL1', 1), assigned('LEVEL2', 2), volume('NEW001')])
  t.same(ids(site), ['LEVEL1', 'NEW001'])
  t.same(ids(site, 'NetBackup', 2), ['LEVEL2', 'NEW001'])
})

t.test('full, frozen, suspended, expired and imported volumes take nothing', async (t) => {
  const states = ['full', 'frozen', 'suspended', 'expired', 'imported'] as const
  const site = tapeSite(
    [drive('d1')],
    states.map((state, index) => volume(`V0000${index}`, { state })),
  )
  t.same(ids(site), [])
})

t.test('other densities, robots and pools do not count, nor assigned scratch volumes', async (t) => {
  const site = tapeSite(
    [drive('d1')],
    [
      volume('DENSE1', { density: 'dlt' }),
      volume('ROBOT1', { robot: 'tld1' }),
      assigned('SCRAT1', 1, { pool: 'Scratch' }),
    ],
  )
  t.same(ids(site), [])
  t.same(ids(site, 'Scratch'), ['SCRAT1'])
})
