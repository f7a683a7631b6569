import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { systemClock, toPath } from '@nb/contracts'
import t from 'tap'
import { createClientAgent } from '../../../src/index.ts'
import { noise } from '../made-image.ts'
import { backupId, createWorld } from '../world.ts'

function shell(script: string, cwd: string): string {
  return execFileSync('bash', ['-e', '-o', 'pipefail', '-c', script], { cwd, encoding: 'utf8' })
}

/** The very script that people are told to use. */
function scriptOfTheDocument(): string {
  const text = readFileSync(new URL('../../../../../docs/design/formats.md', import.meta.url), 'utf8')
  const script = /^```sh\n(#!\/bin\/sh\n[\s\S]*?)^```$/m.exec(text)?.[1]
  if (script === undefined) throw new Error('docs/design/formats.md holds no script')
  return script
}

t.test('a real tree with a file over three fragments comes back with standard tools alone', async (t) => {
  const root = mkdtempSync(`${tmpdir()}/nb-session-`)
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  mkdirSync(`${root}/source/deep`, { recursive: true })
  mkdirSync(`${root}/out`)
  writeFileSync(`${root}/source/a-small`, 'small\n')
  writeFileSync(`${root}/source/deep/b-big`, noise(1, 2_700_000))
  for (let index = 0; index < 300; index++)
    writeFileSync(`${root}/source/c-${index}`, noise(index, index * 17))

  const agents: ReturnType<typeof createClientAgent>[] = []
  const world = await createWorld(root, {
    makeAgent: (channels, log) => {
      const agent = createClientAgent({ channels, log, clock: systemClock() })
      agents.push(agent)
      return agent
    },
  })
  for (const agent of agents) await agent.start()
  world.maxFragmentBytes = 2 ** 20
  const { walk, ...spec } = world.backupSpec()
  const session = await world.server.startBackup({
    ...spec,
    walk: { ...walk, roots: [toPath(`${root}/source`)] },
  })
  const report = await world.report(session)
  t.equal(report.status, 0, report.statusText)
  const fragments = report.written?.copies[0]?.fragments ?? []
  t.ok(fragments.length >= 4, `${fragments.length} fragments`)
  t.ok(fragments.filter(({ wholeMembers }) => !wholeMembers).length >= 3)
  t.ok(
    fragments.some(({ wholeMembers }) => wholeMembers),
    'the small files make whole ones',
  )

  writeFileSync(`${root}/read-image.sh`, scriptOfTheDocument())
  const image = `${world.directory}/web1/${backupId}`
  shell(`sh read-image.sh ${image}/1-*.nbf | tar -xpf - -C out && diff -r source out${root}/source`, root)

  // Every fragment that begins and ends with members is a tar of its own, its part of the list with it.
  for (const { number, wholeMembers } of fragments) {
    if (!wholeMembers) continue
    const name = `${image}/1-${String(number).padStart(6, '0')}.nbf`
    const members = shell(`tar -tf ${name}`, root).trim().split('\n')
    t.equal(members[0], '.nb/FRAGMENT.json')
    t.same(members.slice(-4), ['.nb/IMAGE.json', '.nb/FILES', '.nb/BLOCKS', '.nb/FOOTER.json'])
    t.ok(members.length > 5)
  }
  t.equal(readdirSync(image).length, fragments.length)
  await world.server.stop()
  for (const agent of agents) await agent.stop()
})
