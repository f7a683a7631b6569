import assert from 'node:assert/strict'
import type { BackupJobRequest } from '@nb/contracts'
import type { SessionScript } from '@nb/test-kit'
import t from 'tap'
import { type Life, type Stage, assertNothingLeft, createStage, settledOrDead } from '../await-points.ts'
import { driven, full, request } from '../fixture.ts'

if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

interface Story {
  readonly name: string
  readonly script: (jobId: string, session: { readonly nth: number }) => SessionScript
  readonly asked: Partial<BackupJobRequest>
  /** What an operator does while it runs; the story ends when the job does. */
  readonly act?: (stage: Stage, life: Life) => Promise<void>
  /** How the job may end. */
  readonly statuses: readonly number[]
}

const retry = { tries: 3, delayMs: 60_000 }

const stories: readonly Story[] = [
  {
    name: 'a job that fails once',
    script: (_, { nth }) => (nth === 1 ? { status: 84, statusText: 'broken' } : {}),
    asked: { retry },
    statuses: [0, 63, 25],
  },
  {
    name: 'a job that fails after a checkpoint and goes on from it',
    script: (_, { nth }) => (nth === 1 ? { checkpoints: 1, status: 84, statusText: 'broken' } : {}),
    asked: { retry },
    statuses: [0, 63, 25],
  },
  {
    name: 'a job that is suspended and resumed',
    script: (_, { nth }) => (nth === 1 ? { checkpoints: 1, durationMs: Infinity } : {}),
    asked: { retry },
    act: async (stage, life) => {
      for (let round = 0; round < 100 && !life.dead; round++) {
        const job = await life.manager.get({ jobId: '1' })
        if (job?.state === 'done') return
        if (job?.actions.includes('suspend') && job.checkpointAt !== undefined)
          void life.manager.suspend({ jobId: '1' }).catch(() => undefined)
        else if (job?.actions.includes('resume'))
          void life.manager.resume({ jobId: '1' }).catch(() => undefined)
        // Its only checkpoint may have been lost with the manager: it would stand for ever.
        else if (round > 60) void life.manager.cancel({ jobId: '1' }).catch(() => undefined)
        await stage.clock.advance(3000)
      }
    },
    statuses: [0, 63, 25, 150],
  },
  {
    name: 'an archive that removes what it saved',
    script: () => ({}),
    asked: { type: 'archive', schedule: { ...full, type: 'user-archive' }, retry },
    statuses: [0, 63, 25],
  },
]

/** Submits the job and lets the story happen, to the end of the job or of the life. */
async function play(stage: Stage, life: Life, { asked, act }: Story): Promise<void> {
  const submitted = life.manager.submit(request({ ...asked, requestId: 'r1' }))
  submitted.catch(() => undefined)
  await stage.clock.advanceUntil(settledOrDead(submitted, life), 3_600_000)
  if (!life.dead) await act?.(stage, life)
  if (life.dead) return
  const ended = life.manager.wait({ jobId: '1' })
  ended.catch(() => undefined)
  await stage.clock.advanceUntil(settledOrDead(ended, life), 14_400_000)
}

for (const story of stories) {
  t.test(`${story.name}: a crash at every await point`, async (t) => {
    const whole = createStage({ script: story.script }, {}, { settleTurns: 3 })
    const life = await whole.live()
    const before = life.points.length
    await play(whole, life, story)
    const names = life.points.slice(before)
    await driven(whole.clock, life.manager.stop())
    t.comment(`${names.length} await points`)
    t.ok(names.length > 40)
    const ends = new Map<number, number>()
    let crashes = 0
    for (const [index, point] of names.entries()) {
      // Every point with NB_LONG=1, else one in four, others for each story.
      if (process.env['NB_LONG'] !== '1' && index % 4 !== stories.indexOf(story)) continue
      crashes += 1
      const stage = createStage({ script: story.script }, {}, { settleTurns: 3 })
      let first = Infinity
      const dying = await stage.live((number, each) => {
        if (number === first + index) each.die()
      })
      first = dying.points.length + 1
      await play(stage, dying, story)
      if (!dying.dead) {
        // The turns of the loop have put the points in another order; the end is that of the whole story.
        await driven(stage.clock, dying.manager.stop())
        continue
      }
      const next = await stage.live()
      await play(stage, next, story)
      const job = await driven(stage.clock, next.manager.wait({ jobId: '1' }), 14_400_000)
      assert.ok(story.statuses.includes(job.status ?? -1), `status ${job.status} after a crash when ${point}`)
      assert.equal(await next.manager.get({ jobId: '2' }), undefined, 'the request became one job')
      await assertNothingLeft(stage, next.manager, job)
      ends.set(job.status ?? -1, (ends.get(job.status ?? -1) ?? 0) + 1)
      await driven(stage.clock, next.manager.stop())
    }
    t.comment(`statuses: ${JSON.stringify([...ends])}`)
    t.ok((ends.get(0) ?? 0) > crashes / 2)
  })
}
