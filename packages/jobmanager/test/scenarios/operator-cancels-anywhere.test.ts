import assert from 'node:assert/strict'
import type { Job } from '@nb/contracts'
import t from 'tap'
import { type Life, type Stage, assertNothingLeft, createStage, settledOrDead } from '../await-points.ts'
import { driven, request } from '../fixture.ts'

interface Interference {
  readonly life: Life
  /** The job at its end, when it has one. */
  readonly job: Job | undefined
  /** The await point, or `undefined` when the job has fewer. */
  readonly name: string | undefined
}

/** Runs one job and interferes at its n-th await point, from 1. */
async function interfere(
  stage: Stage,
  point: number,
  act: (life: Life) => Promise<unknown>,
): Promise<Interference> {
  let first = Infinity
  let acted: Promise<unknown> | undefined
  const life = await stage.live((number, alive) => {
    if (number !== first + point || acted !== undefined) return
    acted = act(alive)
    acted.catch(() => undefined)
  })
  first = life.points.length
  const run = async (): Promise<Job> => {
    const { jobId } = await life.manager.submit(request())
    return life.manager.wait({ jobId })
  }
  const running = run()
  running.catch(() => undefined)
  await stage.clock.advanceUntil(settledOrDead(running, life), 3_600_000)
  if (acted === undefined) return { life, job: await running, name: undefined }
  await stage.clock.advanceUntil(settledOrDead(acted, life), 3_600_000)
  const name = life.points[first + point - 1]
  return { life, job: life.dead ? undefined : await running.catch(() => undefined), name }
}

/** Cancels the job. Answers whether that was noted before the job was done; not so when it was not yet known either. */
async function cancelJob({ manager }: Life): Promise<boolean> {
  if (!(await manager.get({ jobId: '1' }))) return false
  await manager.cancel({ jobId: '1' })
  const job = await manager.get({ jobId: '1' })
  return job?.cancelRequested === true || job?.status === 150
}

t.test(
  'a cancel at every await point ends the job with 150, or leaves a success that was already done',
  async (t) => {
    let cancelled = 0
    let point = 1
    for (; ; point++) {
      const stage = createStage()
      let noted = false
      const { life, job, name } = await interfere(stage, point, async (alive) => {
        noted = await cancelJob(alive)
      })
      if (name === undefined) {
        await driven(stage.clock, life.manager.stop())
        break
      }
      assert.equal(job?.status, noted ? 150 : 0, name)
      assert.notEqual(job?.cancelRequested, true)
      await assertNothingLeft(stage, life.manager, job)
      if (noted) cancelled += 1
      await driven(stage.clock, life.manager.stop())
    }
    t.comment(`${point - 1} await points, ${cancelled} cancelled`)
    t.ok(cancelled > 20)
  },
)

t.test(
  'a stop at every await point ends the job with 803 within its time, or keeps it queued or done',
  async (t) => {
    const ends = new Map<string, number>()
    let point = 1
    for (; ; point++) {
      const stage = createStage()
      const { life, name } = await interfere(stage, point, ({ manager }) => manager.stop())
      await driven(stage.clock, life.manager.stop())
      if (name === undefined) break
      const job = await life.manager.get({ jobId: '1' })
      assert.ok(job, name)
      assert.ok(
        job.state === 'queued' || job.status === 803 || job.status === 0,
        `${name}: ${job.state} ${job.status}`,
      )
      if (job.state === 'queued') {
        const next = await stage.live()
        const ended = await driven(stage.clock, next.manager.wait({ jobId: '1' }))
        assert.equal(ended.status, 0, 'a queued job runs after the next start')
        await assertNothingLeft(stage, next.manager, ended)
        await driven(stage.clock, next.manager.stop())
      } else {
        const next = await stage.live()
        await assertNothingLeft(stage, next.manager, job)
        await driven(stage.clock, next.manager.stop())
      }
      const kind = String(job.status ?? job.state)
      ends.set(kind, (ends.get(kind) ?? 0) + 1)
    }
    t.comment(`${point - 1} await points: ${JSON.stringify([...ends])}`)
    t.ok((ends.get('803') ?? 0) > 10)
    t.ok((ends.get('queued') ?? 0) > 0)
  },
)

t.test('a crash after a cancel at every await point ends the job with 150 after the restart', async (t) => {
  let crashes = 0
  for (let point = 1; ; point++) {
    const stage = createStage()
    let noted = false
    const { life, name } = await interfere(stage, point, async (alive) => {
      noted = await cancelJob(alive)
      if (noted) alive.die()
    })
    if (name === undefined) {
      await driven(stage.clock, life.manager.stop())
      break
    }
    if (!noted) continue
    crashes += 1
    const next = await stage.live()
    const job = await driven(stage.clock, next.manager.wait({ jobId: '1' }))
    assert.equal(job.status, 150, name)
    await assertNothingLeft(stage, next.manager, job)
    await driven(stage.clock, next.manager.stop())
  }
  t.comment(`${crashes} crashes after a cancel was noted`)
  t.ok(crashes > 10)
})
