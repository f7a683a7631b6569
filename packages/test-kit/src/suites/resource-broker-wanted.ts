import assert from 'node:assert/strict'
import { collect } from '../collect.ts'
import { type Check, putTape, rejects, restore, waits, watchCall } from './resource-broker-site.ts'

/** The obligations towards a person who brings volumes, or does not. */
export function bringing(check: Check): void {
  check('a volume that is in no robot is wanted, and served when it is brought', async (fixture) => {
    const { broker, media } = fixture
    await putTape(media)
    await media.recordPlace({ volumeId: 'A00001' })
    const call = watchCall(broker.acquire(restore('7', { need: readOf('A00001') })))
    const { blockers, sentence } = await waits(broker, '7')
    const wanted = { volumeId: 'A00001', pool: 'NetBackup', density: 'hcart', robot: 'robot1' }
    assert.deepEqual(
      blockers.map((blocker) => [blocker.reason, blocker.wanted]),
      [[2000, wanted]],
    )
    assert.ok(sentence.includes('volume A00001, which is not in robot robot1'), sentence)
    const [queued] = await collect(broker.queue({}))
    assert.deepEqual(queued?.blockers, blockers)
    await media.recordPlace({ volumeId: 'A00001', robot: 'robot1', slot: 3 })
    const { allocation } = await call.result
    assert.equal(allocation.medium.kind === 'tape' && allocation.medium.volumeId, 'A00001')
  })

  check('what is denied is told why; others go on waiting', async ({ broker, media }) => {
    await putTape(media)
    await media.recordPlace({ volumeId: 'A00001' })
    const denied = watchCall(broker.acquire(restore('7', { need: readOf('A00001') })))
    const other = watchCall(broker.acquire(restore('8', { need: readOf('A00001') })))
    await waits(broker, '7')
    await waits(broker, '8')
    denied.ignore()
    await broker.deny({ jobId: '7', reason: 'it is lost' })
    const { message, status } = await rejects(denied.result, 'request-denied')
    assert.equal(status, 906)
    assert.match(message, /A00001.*it is lost/)
    await rejects(broker.deny({ jobId: '7' }), 'not-found')
    assert.equal(other.settled, false)
    await media.recordPlace({ volumeId: 'A00001', robot: 'robot1' })
    await other.result
    await rejects(broker.deny({ jobId: '8' }), 'not-found')
  })

  check('who waits for what no person has to bring is not denied', async ({ broker, media }) => {
    await putTape(media)
    await broker.acquire(restore('1', { need: readOf('A00002') }))
    const call = watchCall(broker.acquire(restore('2', { need: readOf('A00001') })))
    const { blockers } = await waits(broker, '2')
    assert.ok(blockers.every(({ wanted }) => wanted === undefined))
    await rejects(broker.deny({ jobId: '2' }), 'not-found')
    assert.equal(call.settled, false)
    call.ignore()
  })
}

function readOf(volumeId: string) {
  return { kind: 'read', storageUnit: 'tape1', volumeId } as const
}
