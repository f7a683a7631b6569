import { type MediaManagerEvents, createEmitter, debugLogger } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { createRoomMaker } from '../src/index.ts'

const high = { name: 'disk1', usedPercent: 98.4, highWaterPercent: 98, bytesToLowWater: 1, staging: false }

t.test('at the high-water mark what has expired goes at once, and again only after a while', async (t) => {
  const clock = createVirtualClock()
  const media = createEmitter<MediaManagerEvents>(debugLogger('nb:test'))
  const told: string[] = []
  let cleanings = 0
  const asked: string[] = []
  const jobs = {
    cleanImages: async () => ({ removed: ++cleanings === 1 ? ['web1_1'] : [], removedCopies: [] }),
    makeRoom: async ({ storageUnit, bytes }: { storageUnit: string; bytes: number }) => {
      asked.push(`${storageUnit} ${bytes}`)
      return { removedCopies: ['web1_2 copy 1'], bytes }
    },
  }
  const maker = createRoomMaker({ media, jobs, clock, warn: (text) => void told.push(text) })
  await maker.start()
  media.emit('storage-unit:high-water', high)
  media.emit('storage-unit:high-water', high)
  t.equal(cleanings, 1)
  media.emit('storage-unit:high-water', { ...high, name: 'disk2' })
  t.equal(cleanings, 2, 'each unit for itself')
  await clock.advance(1000)
  media.emit('storage-unit:high-water', high)
  t.equal(cleanings, 3, 'what has gone may not have been enough: the next report is acted on')
  const staging = { ...high, name: 'disk4', staging: true }
  media.emit('storage-unit:high-water', { ...staging, bytesToLowWater: 7 })
  media.emit('storage-unit:high-water', { ...staging, bytesToLowWater: 6 })
  await clock.advance(1)
  media.emit('storage-unit:high-water', { ...staging, bytesToLowWater: 5 })
  await maker.stop()
  t.same(asked, ['disk4 7', 'disk4 5'], 'copied images go where the unit is for staging')
  media.emit('storage-unit:high-water', { ...high, name: 'disk3' })
  t.equal(cleanings, 4)
  t.match(told, [
    'storage unit disk1 is 98.4% used, its high-water mark is 98%: 1 expired image removed',
    /disk2 is 98\.4% used, .*, and nothing could be removed: it takes no new backups; expire images or add space/,
    /disk1/,
    /disk4 .*: 1 copy of images that have another one removed/,
  ])
  t.throws(() => createRoomMaker({ media, jobs, clock }, { againMs: 1 }), TypeError)
})
