import type { FragmentRecord } from '@nb/contracts'
import { createFaultPlan, createPowerLossStorage, createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { createDiskStore } from '../../src/index.ts'
import { allocationOf } from '../fixture.ts'

const backupId = 'web1_1767225600'
const payloads = [1, 2, 3].map((seed) => Buffer.alloc(300_032, `payload ${seed} `))

/** Writes three fragments; tells which commits were confirmed before the power went. */
async function writeUntil(occurrence: number, seed: number): Promise<'lost' | 'done'> {
  const plan = createFaultPlan([{ point: '*', occurrence }])
  const storage = createPowerLossStorage({ faults: plan, seed })
  const options = { storageUnit: 'disk1', directory: '/srv/unit', blockBytes: 65_536 }
  const clock = createVirtualClock()
  const confirmed: FragmentRecord[] = []
  const attempt = async (): Promise<void> => {
    const store = createDiskStore({ files: storage.files, clock }, options)
    await store.start()
    const medium = await store.mount({ allocation: allocationOf('write'), jobId: '1', flow: 'backup' })
    for (const [index, payload] of payloads.entries()) {
      const writer = await medium.createFragment({
        backupId,
        copy: 1,
        number: index + 1,
        streamOffset: index * payload.length,
        startsAtMember: true,
        client: 'web1',
        policy: 'p',
        schedule: 's',
        createdAt: 0,
      })
      await writer.write(payload)
      confirmed.push(await writer.commit({ image: {}, fileList: [], endsAtMember: true, last: index === 2 }))
    }
    await medium.unmount()
  }
  const outcome = await attempt().then(
    () => 'done' as const,
    () => 'lost' as const,
  )
  if (outcome === 'done') return outcome
  plan.assertAllHit()
  storage.restore()

  const store = createDiskStore({ files: storage.files, clock }, options)
  await store.start()
  const medium = await store.mount({ allocation: allocationOf('read'), jobId: '1', flow: 'restore' })
  for (const fragment of confirmed) {
    const reader = await medium.openFragment({ backupId, copy: 1, fragment })
    const chunks: Uint8Array[] = []
    for await (const chunk of reader.read({ offset: 0, bytes: fragment.streamBytes }))
      chunks.push(Buffer.from(chunk))
    await reader.close()
    if (!Buffer.concat(chunks).equals(payloads[fragment.number - 1] as Buffer))
      throw new Error(`fragment ${fragment.number} was confirmed and is different now`)
  }
  for await (const image of store.storedImages())
    if (image.fragments < confirmed.length) throw new Error('a confirmed fragment is not listed')
  await store.removeImage({ backupId })
  return outcome
}

t.test('power that goes at any moment takes no confirmed fragment with it', async (t) => {
  let points = 0
  for (let occurrence = 1; ; occurrence++) {
    if ((await writeUntil(occurrence, occurrence * 7919)) === 'done') break
    points += 1
  }
  t.ok(points >= 25, `${points} moments`)
  t.comment(`power was lost at each of ${points} moments`)
})
