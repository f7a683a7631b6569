import type { Allocation } from '@nb/contracts'
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
import { disk, drive, tape, volume, writeTo } from '../site.ts'

const seed = numberSetting('NB_SEED', 20_260_101)
const histories = process.env['NB_LONG'] === '1' ? 10_000 : 200
if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

t.test('what was answered is there after the power is back, and nothing is given twice', async (t) => {
  t.comment(`${histories} histories, seed ${seed}`)
  const random = seededRandom(seed)
  for (let history = 0; history < histories; history++) {
    const faults = createFaultPlan([{ point: '*', occurrence: 1 + Math.floor(random() * 45) }])
    const storage = createPowerLossStorage({ faults, seed: Math.floor(random() * 2 ** 31) })
    const clock = createVirtualClock()
    const open = () => createMediaManager({ store: storage.database('emm'), clock })
    const media = open()
    const answered = new Map<string, Allocation>()
    const uncertain = new Set<string>()
    await jobs(media, random, answered, uncertain)
    if (!storage.lost) storage.lose()
    storage.restore()
    const again = open()
    await again.start()
    const now = new Map((await collect(again.allocations({}))).map((one) => [one.allocationId, one]))
    for (const [id, allocation] of answered)
      if (!uncertain.has(id)) t.same(now.get(id), allocation, `history ${history}: ${id} is there`)
    for (const id of now.keys())
      if (!answered.has(id) && !uncertain.has(id)) t.fail(`history ${history}: ${id} came from nowhere`)
    const used = [...now.values()].flatMap(({ medium, storageUnit }) =>
      medium.kind === 'tape' ? [medium.drive, medium.volumeId] : [storageUnit],
    )
    if (new Set(used).size !== used.length) t.fail(`history ${history}: something was given twice`)
    await again.stop()
  }
})

/** Comes and goes until the power fails: what was answered, and what was asked without an answer. */
async function jobs(
  media: ReturnType<typeof createMediaManager>,
  random: () => number,
  answered: Map<string, Allocation>,
  uncertain: Set<string>,
): Promise<void> {
  try {
    await media.start()
    await media.putStorageUnit(disk('disk1'))
    await media.putStorageUnit(tape('tape1'))
    for (const id of ['A00001', 'A00002']) await media.putVolume(volume(id))
    await media.putDrive(drive('d1'))
    for (let step = 0; step < 400; step++) {
      const id = `a${Math.floor(random() * 6)}`
      uncertain.add(id)
      if (random() < 0.5) {
        await media.release({ allocationId: id })
        answered.delete(id)
      } else {
        const need = writeTo(id < 'a3' ? 'disk1' : 'tape1')
        const answer = await media.allocate({ allocationId: id, jobId: id, need })
        if (answer.granted) answered.set(id, answer.allocation)
      }
      uncertain.delete(id)
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'store-failed') throw error
  }
}
