import { collect } from '@nb/test-kit'
import t from 'tap'
import { runningSite } from '../running-site.ts'
import { writeTo } from '../site.ts'

t.test(
  'with the robot down only tapes in drives are used, and the others wait for the robot by name',
  async (t) => {
    const { media, give, refusal } = await runningSite(t)
    await media.recordMount({ volumeId: 'A00003', drive: 'd2' })
    await media.putRobot({ name: 'tld0', state: 'down', stateReason: 'gripper stuck' })
    t.match(await collect(media.drives({})), [{ control: 'AVR' }, { control: 'AVR' }, { control: 'AVR' }])
    const medium = await give('17')
    t.same([medium.drive, medium.volumeId], ['d2', 'A00003'])
    t.same(await refusal(), [['robot', 'tld0', 2020]])
    t.same(await refusal({ kind: 'read', storageUnit: 'tape1', volumeId: 'A00001' }), [
      ['robot', 'tld0', 2020],
    ])
    t.match(await media.blockers({ need: writeTo('tape1') }), {
      possible: true,
      blockers: [{ goesOnWhen: 'robot tld0 is brought up (down: gripper stuck)' }],
    })
    const changes = media.watch({})[Symbol.asyncIterator]()
    await media.putRobot({ name: 'tld0', state: 'up' })
    t.match(await changes.next(), { value: { storageUnits: ['tape1'] } })
    await give('18')
  },
)

t.test('a tape that a person puts into a drive meanwhile wakes those who wait', async (t) => {
  const { media, give } = await runningSite(t)
  await media.putRobot({ name: 'tld0', state: 'down' })
  const changes = media.watch({})[Symbol.asyncIterator]()
  await media.recordMount({ volumeId: 'A00001', drive: 'd1' })
  t.match(await changes.next(), { value: { storageUnits: ['tape1'] } })
  t.equal((await give('17')).volumeId, 'A00001')
})
