import t from 'tap'
import { filesOf, makeImage } from '../made-image.ts'
import { backupId, createWorld } from '../world.ts'

t.test('a script of the client may take longer than a client may be silent', async (t) => {
  const world = await createWorld(t.testdir())
  t.teardown(() => world.server.stop())
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  let give: (scriptMs: number) => void = () => undefined
  const scriptSigns = (async function* () {
    for (;;) {
      const scriptMs = await new Promise<number>((resolve) => (give = resolve))
      if (scriptMs < 0) return
      yield scriptMs
    }
  })()
  world.agent.script = { image: makeImage(backupId, filesOf([1000])), silentAfter: 0, scriptSigns }
  const session = await world.server.startBackup(world.backupSpec())
  await turns()
  for (let minutes = 4; minutes <= 20; minutes += 4) {
    await world.clock.advance(240_000)
    give(minutes * 60_000)
    await turns()
  }
  t.match(await world.server.sessions({}), [session], 'after twenty minutes it still lives')
  await world.clock.advance(300_000)
  give(-1)
  t.match(
    await world.report(session),
    { status: 76, error: { code: 'client-ended' } },
    'without a sign it does not',
  )
})
