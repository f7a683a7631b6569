import assert from 'node:assert/strict'
import t from 'tap'
import { type Life, type Stage, assertNothingLeft, createStage, settledOrDead } from '../await-points.ts'
import { driven, request } from '../fixture.ts'

/** Submits one job and lets it run to its end, or to the end of the life. Gives the status that was told. */
async function runOnce(stage: Stage, life: Life, requestId: string): Promise<number | undefined> {
  let told: number | undefined
  life.manager.on('job:finished', ({ status }) => (told = status))
  const run = async (): Promise<void> => {
    const { jobId } = await life.manager.submit(request({ requestId }))
    await life.manager.wait({ jobId })
  }
  const running = run()
  running.catch(() => undefined)
  await stage.clock.advanceUntil(settledOrDead(running, life), 3_600_000)
  return told
}

async function countPoints(): Promise<readonly string[]> {
  const stage = createStage()
  const life = await stage.live()
  const before = life.points.length
  assert.equal(await runOnce(stage, life, 'r1'), 0)
  const points = life.points.slice(before)
  await driven(stage.clock, life.manager.stop())
  return points
}

for (const [name, sessionsSurvive] of [
  ['the job manager alone crashes', true],
  ['the whole server crashes', false],
] as const) {
  t.test(name, async (t) => {
    const names = await countPoints()
    t.comment(`${names.length} await points of one backup`)
    t.ok(names.length > 30)
    const statuses = new Map<number, number>()
    for (const [index, point] of names.entries()) {
      const stage = createStage()
      let first = 0
      const dying = await stage.live((number, life) => {
        if (first > 0 && number === first + index) life.die()
      })
      first = dying.points.length + 1
      const told = await runOnce(stage, dying, 'r1')
      t.ok(dying.dead, `crash when ${point}`)
      if (!sessionsSurvive) for (const server of stage.world.mediaServers.values()) server.crash()

      const life = await stage.live()
      await runOnce(stage, life, 'r1')
      const job = await life.manager.get({ jobId: '1' })
      assert.ok(job?.status !== undefined, point)
      if (told !== undefined) assert.equal(job.status, told, `the status changed after ${point}`)
      assert.equal(await life.manager.get({ jobId: '2' }), undefined, 'the request became one job')
      // 25: its session had asked the manager that was away for media, and failed.
      assert.ok([0, 25, 63].includes(job.status), `status ${job.status} after ${point}`)
      await assertNothingLeft(stage, life.manager, job)
      statuses.set(job.status, (statuses.get(job.status) ?? 0) + 1)
      assert.equal(await runOnce(stage, life, 'r2'), 0, 'the next backup succeeds')
      await driven(stage.clock, life.manager.stop())
    }
    t.comment(`statuses: ${JSON.stringify([...statuses])}`)
    t.ok((statuses.get(0) ?? 0) > 0)
    t.equal(statuses.has(63), true, 'some jobs were killed, and said so')
  })
}

t.test('a crash exactly between steps 14 and 15 is completed at the next start', async (t) => {
  const stage = createStage()
  let armed = false
  const dying = await stage.live((_number, life) => {
    if (armed && life.points.at(-1) === 'catalog.completeImage called') life.die()
  })
  armed = true
  t.equal(await runOnce(stage, dying, 'r1'), undefined, 'nobody has heard of a success')
  t.equal(stage.world.catalog.images[0]?.state, 'in-progress')
  const life = await stage.live()
  await runOnce(stage, life, 'r1')
  t.match(await life.manager.get({ jobId: '1' }), { state: 'done', status: 0 })
  t.equal(stage.world.catalog.images[0]?.state, 'complete')
  await driven(stage.clock, life.manager.stop())
})

t.test(
  'an image whose job never heard of it is removed at the next start, though the job goes on',
  async (t) => {
    const stage = createStage()
    const dying = await stage.live((_number, life) => {
      if (life.points.at(-1) === 'catalog.createImage answered') life.die()
    })
    await runOnce(stage, dying, 'r1')
    const [orphan] = stage.world.catalog.images
    t.equal(orphan?.state, 'in-progress')
    const life = await stage.live()
    await runOnce(stage, life, 'r1')
    const job = await life.manager.get({ jobId: '1' })
    t.equal(job?.status, 0)
    t.match(stage.world.catalog.images, [{ backupId: job?.backupId, state: 'complete' }])
    t.not(job?.backupId, orphan?.backupId)
    await driven(stage.clock, life.manager.stop())
  },
)
