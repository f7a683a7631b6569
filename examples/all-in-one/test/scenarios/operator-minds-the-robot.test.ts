import { join } from 'node:path'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { bootEmulated, emulatedLibrary } from '../support/emulated-library.ts'
import { scratch } from '../support/run-example.ts'
import { backUpToTape, randomFiles, tapePolicy } from '../support/tape-site.ts'
import { terminalOf } from '../support/terminal.ts'

t.setTimeout(110_000)
// A server has a socket that keeps its process alive while all that it has is timers.
const alive = setInterval(() => {}, 2 ** 30)
t.teardown(() => clearInterval(alive))

t.test('volumes come and go through the mail slots, and are labelled, from a terminal', async (t) => {
  const root = scratch('robot')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  randomFiles(source, 2, 1000)
  const foreign = [Buffer.from('VOL1SAP001'.padEnd(80)), null]
  const library = await emulatedLibrary({
    volumes: ['A00001L8', 'A00002L8', { name: 'F00001L8', contents: foreign }],
  })
  const server = await bootEmulated(state, library)
  t.teardown(() => server.stop())
  const { nb, values, stop } = await terminalOf(server, state)
  t.teardown(stop)
  const shown = await nb('robot', 'inventory', 'robot1')
  t.match(shown.out, /^slot 2 +- +A00002L8 +A00002 +A00002 +-$/m)
  t.equal(shown.err, 'empty: 2 drives, 3 slots, 2 mail slots\n')

  t.comment('out')
  t.match(await nb('volume', 'eject', 'A00001', 'Z99999'), {
    code: 1,
    out: 'volume A00001: in mail slot 1 of robot1, take it out\n',
    err: /Volume Z99999 is not known/,
  })
  const ejected = await nb('robot', 'inventory', 'robot1')
  t.match(
    ejected.out,
    /^mail slot 1 +- +A00001L8 +A00001 +- +take it out, or take it in: nb robot inject robot1$/m,
  )
  t.match(await values('volumes', 'A00001'), [{ robot: undefined, slot: undefined }])
  t.equal(await library.operator.takeFromMail({ mailSlot: 1 }), 'A00001L8')
  t.match(await nb('volume', 'eject', 'A00001'), { code: 1, err: /is in no robot/ })

  t.comment('and in')
  await library.operator.putIntoMail({ volume: { name: 'B00001L8' }, mailSlot: 2 })
  await library.operator.putIntoMail({ volume: 'A00001L8', mailSlot: 1 })
  t.match(await nb('robot', 'inject', 'robot1'), {
    code: 0,
    out: [
      'volume A00001 (A00001L8): from mail slot 1 into slot 1 of robot1',
      'volume B00001 (B00001L8): from mail slot 2 into slot 4 of robot1',
      '',
    ].join('\n'),
    err: '',
  })
  t.match(await nb('robot', 'inject', 'robot1'), {
    code: 0,
    out: '',
    err: 'nothing is in the mail slots of robot1\n',
  })

  t.comment('what people did behind our back')
  await server.ports.media.recordPlace({ volumeId: 'B00001', robot: 'robot1', slot: 6 })
  const differing = await nb('robot', 'inventory', 'robot1')
  t.match(differing.out, /^slot 4 +- +B00001L8 +B00001 +- +it is not known to be here$/m)
  t.match(differing.out, /^slot 6 +- +- +- +B00001 +B00001 should be here$/m)
  const moved = { code: 0, out: 'volume B00001: from slot 6, now in slot 4\n' }
  t.match(await nb('robot', 'inventory', 'robot1', '--preview'), moved)
  t.match(await nb('robot', 'inventory', 'robot1', '--update'), moved)
  t.match(await nb('robot', 'inventory', 'robot1', '--update'), { code: 0, out: '' })
  t.equal((await nb('robot', 'inventory', 'robot1', '--update', '--preview')).code, 2)

  t.comment('labels')
  t.match(await nb('volume', 'label', 'F00001'), { code: 1, err: /only where overwriting is asked for/ })
  t.match(await nb('volume', 'label', 'F00001', '--overwrite'), {
    code: 0,
    out: /volume F00001: labelled in drive/,
  })
  const { status } = await backUpToTape(server, tapePolicy('policy', source))
  t.equal(status, 0)
  const [used] = (await collect(server.ports.media.volumes({}))).filter(
    ({ assignedAt }) => assignedAt !== undefined,
  )
  t.match(await nb('volume', 'label', used?.volumeId ?? ''), { code: 1, err: /Images are on volume/ })

  t.match(await nb('robot', 'inject', 'none'), { code: 1, err: /has no robot none/ })
})
