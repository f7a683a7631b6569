import assert from 'node:assert/strict'
import {
  collect,
  createFaultPlan,
  createPowerLossStorage,
  createVirtualClock,
  numberSetting,
  seededRandom,
} from '@nb/test-kit'
import t from 'tap'
import { createMediaManager } from '../../src/index.ts'
import { drive, volume } from '../site.ts'

const seed = numberSetting('NB_SEED', 20_260_101)
const histories = process.env['NB_LONG'] === '1' ? 10_000 : 80
if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)
const volumeIds = ['A00001', 'A00002']

t.test('a tape with an image that was reported is never taken for a new one', async (t) => {
  t.comment(`${histories} histories, seed ${seed}`)
  const random = seededRandom(seed)
  let lost = 0
  for (let history = 0; history < histories; history++) {
    const faults = createFaultPlan([{ point: '*', occurrence: 1 + Math.floor(random() * 45) }])
    const storage = createPowerLossStorage({ faults, seed: Math.floor(random() * 2 ** 31) })
    const clock = createVirtualClock()
    const open = () => createMediaManager({ store: storage.database('emm'), clock })
    const answered = new Map<string, boolean>()
    const uncertain = await come(open(), random, answered)
    lost += storage.lost ? 1 : 0
    if (!storage.lost) storage.lose()
    storage.restore()
    const again = open()
    await again.start()
    for (const { volumeId, assignedAt, mounts } of await collect(again.volumes({}))) {
      const images = new Set(await collect(again.volumeImages({ volumeId })))
      assert.equal(
        assignedAt !== undefined,
        images.size > 0,
        `history ${history}: ${volumeId} agrees with its images`,
      )
      for (const [key, there] of answered)
        if (key.startsWith(volumeId) && key !== uncertain)
          assert.equal(images.has(key.slice(7)), there, `history ${history}: ${key} is as it was answered`)
      const loaded = (await collect(again.drives({}))).some(({ loadedVolume }) => loadedVolume === volumeId)
      assert.ok(!loaded || mounts > 0, `history ${history}: ${volumeId} is not in a drive without a mount`)
    }
    await again.stop()
  }
  t.ok(lost > histories / 2, `${lost} times the power failed in the middle`)
})

/** Images come and go until the power fails; gives what was asked for without an answer. */
async function come(
  media: ReturnType<typeof createMediaManager>,
  random: () => number,
  answered: Map<string, boolean>,
): Promise<string | undefined> {
  let asked: string | undefined
  try {
    await media.start()
    for (const id of volumeIds) await media.putVolume(volume(id))
    await media.putDrive(drive('d1'))
    for (let step = 0; step < 120; step++) {
      const volumeId = volumeIds[Math.floor(random() * 2)] ?? ''
      const backupId = `b${Math.floor(random() * 3)}`
      asked = `${volumeId} ${backupId}`
      if (random() < 0.2) {
        await media.recordUnmount({ drive: 'd1' })
        await media.recordMount({ volumeId, drive: 'd1' })
      } else if (random() < 0.5) {
        await media.assignImage({ volumeId, backupId, retentionLevel: 1 })
        answered.set(asked, true)
      } else {
        await media.unassignImage({ volumeId, backupId })
        answered.set(asked, false)
      }
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'store-failed') throw error
  }
  return asked
}
