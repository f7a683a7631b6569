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
  const jobs = {
    cleanImages: async () => ({ removed: ++cleanings === 1 ? ['web1_1'] : [] }),
  }
  const maker = createRoomMaker({ media, jobs, clock, warn: (text) => void told.push(text) })
  await maker.start()
  media.emit('storage-unit:high-water', high)
  media.emit('storage-unit:high-water', high)
  t.equal(cleanings, 1)
  media.emit('storage-unit:high-water', { ...high, name: 'disk2' })
  t.equal(cleanings, 2, 'each unit for itself')
  await clock.advance(600_000)
  media.emit('storage-unit:high-water', high)
  t.equal(cleanings, 3)
  await maker.stop()
  media.emit('storage-unit:high-water', { ...high, name: 'disk3' })
  t.equal(cleanings, 3)
  t.match(told, [
    'storage unit disk1 is 98.4% used, its high-water mark is 98%: 1 expired images were removed',
    /disk2 is 98\.4% used, .*, and nothing has expired: it takes no new backups; expire images or add space/,
    /disk1/,
  ])
  t.throws(() => createRoomMaker({ media, jobs, clock }, { againMs: 1 }), TypeError)
})
