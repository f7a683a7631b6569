import assert from 'node:assert/strict'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { type Life, type Stage, assertNothingLeft, createStage, settledOrDead } from '../await-points.ts'
import { driven, full, request } from '../fixture.ts'

const copies = [
  { storage: { kind: 'unit', name: 'disk1' } },
  { storage: { kind: 'unit', name: 'disk1' }, onFailure: 'continue' },
] as const
const asked = { type: 'archive', schedule: { ...full, type: 'user-archive', copies } } as const
const why = 'nothing was removed from the client, because copy 2 is not made: disk2 is full'

const stageOf = (missingCopies: readonly number[]): Stage =>
  createStage(
    {
      script: () =>
        missingCopies.length === 0 ? {} : { missingCopies, status: 1, statusText: 'disk2 is full' },
    },
    {},
    { settleTurns: 3 },
  )

/** Submits the archive and lets it run to its end, or to that of the life. */
async function play(stage: Stage, life: Life): Promise<void> {
  const run = async (): Promise<void> => {
    const { jobId } = await life.manager.submit(request({ ...asked, requestId: 'r1' }))
    await life.manager.wait({ jobId })
  }
  const running = run()
  running.catch(() => undefined)
  await stage.clock.advanceUntil(settledOrDead(running, life), 14_400_000)
}

const removals = ({ points }: Life): number =>
  points.filter((point) => point.endsWith('startRemoval called')).length

/** The points from when the session's end is written down. */
async function pointsOf(missingCopies: readonly number[]): Promise<readonly (readonly [number, string])[]> {
  const stage = stageOf(missingCopies)
  const life = await stage.live()
  const before = life.points.length
  await play(stage, life)
  const points = life.points.slice(before)
  await driven(stage.clock, life.manager.stop())
  const completes = points.indexOf('catalog.completeImage called')
  const ended = points.lastIndexOf('database.batch called', completes)
  assert.ok(ended > 0 && completes > ended)
  return [...points.entries()].slice(ended)
}

for (const [name, sessionsSurvive] of [
  ['the job manager alone crashes', true],
  ['the whole server crashes', false],
] as const) {
  t.test(
    `${name} at the end of an archive that lacks a copy: nothing is removed after it either`,
    async (t) => {
      const points = await pointsOf([2])
      t.comment(`${points.length} await points`)
      t.ok(points.length > 10)
      let crashes = 0
      for (const [index, point] of points) {
        const stage = stageOf([2])
        let first = Infinity
        const dying = await stage.live((number, life) => {
          if (number === first + index) life.die()
        })
        first = dying.points.length + 1
        await play(stage, dying)
        if (!dying.dead) {
          // The turns of the loop have put the points in another order.
          await driven(stage.clock, dying.manager.stop())
          continue
        }
        crashes += 1
        if (!sessionsSurvive) for (const server of stage.world.mediaServers.values()) server.crash()
        const next = await stage.live()
        await play(stage, next)
        const job = await driven(stage.clock, next.manager.wait({ jobId: '1' }), 14_400_000)
        assert.equal(
          removals(dying) + removals(next),
          0,
          `a removal was asked for after a crash when ${point}`,
        )
        assert.deepEqual([job.status, job.statusText], [3, why], `after a crash when ${point}`)
        assert.deepEqual(
          stage.world.catalog.images.map(({ state, copies: made }) => [state, made.map(({ copy }) => copy)]),
          [['complete', [1]]],
        )
        const told = (await collect(next.manager.log({ jobId: '1' }))).filter(({ text }) => text === why)
        assert.ok(told.length >= 1, `the log does not say why after a crash when ${point}`)
        await assertNothingLeft(stage, next.manager, job)
        await driven(stage.clock, next.manager.stop())
      }
      t.ok(crashes > 10, `${crashes} crashes`)
    },
  )
}

t.test('a crash before the removal of a whole archive: it is asked for by the next manager', async (t) => {
  const points = await pointsOf([])
  const [removal] = points.find(([, point]) => point.endsWith('startRemoval called')) ?? []
  assert.ok(removal !== undefined)
  let asked = 0
  for (const [index, point] of points.filter(([at]) => at <= removal)) {
    const stage = stageOf([])
    let first = Infinity
    const dying = await stage.live((number, life) => {
      if (number === first + index) life.die()
    })
    first = dying.points.length + 1
    await play(stage, dying)
    assert.ok(dying.dead, point)
    const next = await stage.live()
    await play(stage, next)
    const job = await driven(stage.clock, next.manager.wait({ jobId: '1' }), 14_400_000)
    assert.deepEqual([job.status, removals(next)], [0, 1], `after a crash when ${point}`)
    asked += removals(next)
    await assertNothingLeft(stage, next.manager, job)
    await driven(stage.clock, next.manager.stop())
  }
  t.ok(asked > 3)
})
