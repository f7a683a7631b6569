import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { systemClock, toPath, type JobLogLine } from '@nb/contracts'
import { createChannelTwins, createLocalChannels, createWireTwin } from '@nb/remote'
import { clientAgentSuite, type ClientAgentFixture } from '@nb/test-kit'
import t from 'tap'
import { createClientAgent, type LocalClientAgent } from '../../src/client/client-agent.ts'
import { freshDirectory } from './fresh-directory.ts'

interface Suited extends ClientAgentFixture {
  readonly local: LocalClientAgent
  readonly close: () => Promise<void>
}

const tree = {
  a: Buffer.from('a'),
  'd/empty': Buffer.alloc(0),
  'd/e/big': Buffer.alloc(6 << 20, 'big '),
  'd/z': Buffer.alloc(70_000, 'z'),
}

async function setup(base: string, wired: boolean): Promise<ClientAgentFixture> {
  const directory = mkdtempSync(join(base, 'suite-'))
  const source = join(directory, 'source')
  for (const [name, content] of Object.entries(tree)) {
    mkdirSync(join(source, name, '..'), { recursive: true })
    writeFileSync(join(source, name), content)
  }
  const clock = systemClock()
  const host = wired ? await createChannelTwins({ clock }) : undefined
  const channels = host?.near ?? createLocalChannels({ clock })
  const lines: JobLogLine[] = []
  const log = { append: async (input: { lines: readonly JobLogLine[] }) => void lines.push(...input.lines) }
  const local = createClientAgent({ channels: host?.far ?? channels, clock, log })
  const twin = wired ? await createWireTwin({ clientAgent: local }) : undefined
  const fixture: Suited = {
    agent: twin?.ports.clientAgent ?? local,
    local,
    channels,
    source: toPath(source),
    tree,
    makeGround: async () => toPath(mkdtempSync(join(directory, 'ground-'))),
    filesIn: async (root) => {
      const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) =>
        entry.isFile(),
      )
      return Object.fromEntries(
        files.map((entry) => {
          const path = join(entry.parentPath, entry.name)
          return [relative(root, path), readFileSync(path)]
        }),
      )
    },
    close: async () => {
      await twin?.close()
      await host?.close()
    },
  }
  return fixture
}

const teardown = async (fixture: ClientAgentFixture): Promise<void> => {
  const { local, close } = fixture as Suited
  await local.stop()
  await close()
}

t.test('the client agent', async (t) => {
  const base = freshDirectory(t)
  clientAgentSuite(t, { setup: () => setup(base, false), teardown })
})

t.test('the client agent behind a wire', async (t) => {
  const base = freshDirectory(t)
  clientAgentSuite(t, { setup: () => setup(base, true), teardown })
})
