import type { SessionReport } from '@nb/contracts'
import t from 'tap'
import { filesOf, makeImage } from '../made-image.ts'
import { backupId, createWorld } from '../world.ts'

t.test('a script of the client may take longer than a client may be silent', async (t) => {
  const world = await createWorld(t.testdir())
  t.teardown(() => world.server.stop())
  // Signs wait until they are asked for, and it is waited until each has been: none is lost on a busy machine.
  const signs: number[] = []
  let wake: () => void = () => undefined
  let taken: () => void = () => undefined
  const scriptSigns = (async function* () {
    for (;;) {
      while (signs.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      const scriptMs = signs.shift() as number
      if (scriptMs < 0) return
      yield scriptMs
      taken()
    }
  })()
  const give = async (scriptMs: number): Promise<void> => {
    const heard = new Promise<void>((resolve) => (taken = resolve))
    signs.push(scriptMs)
    wake()
    if (scriptMs >= 0) await heard
  }
  world.agent.script = { image: makeImage(backupId, filesOf([1000])), silentAfter: 0, scriptSigns }
  const session = await world.server.startBackup(world.backupSpec())
  await give(0)
  for (let minutes = 4; minutes <= 20; minutes += 4) {
    await world.clock.advance(240_000)
    await give(minutes * 60_000)
  }
  t.match(await world.server.sessions({}), [session], 'after twenty minutes it still lives')
  await give(-1)
  // From when the media server first waits for data, which on a busy machine may be only now.
  let report: SessionReport | undefined
  void world.report(session).then((one) => (report = one))
  while (report === undefined) await world.clock.advance(60_000)
  t.match(report, { status: 76, error: { code: 'client-ended' } }, 'without a sign it does not')
})
