import {
  type DataChannel,
  type RestoreRequest,
  debugLogger,
  displayPath,
  pathFromBytes,
  readChannel,
  toPath,
} from '@nb/contracts'
import { FileListDecoder, comparePaths } from '@nb/formats'
import { type ListedEntry, numberSetting, putChain, restoreRequest } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { planRestore } from '../src/plan.ts'
import type { RestoreGroup } from '../src/restore-group.ts'
import { type ServedPlan, servePlan } from '../src/plan-stream.ts'
import { createWorld } from './world.ts'

type World = ReturnType<typeof createWorld>

const numRuns = process.env['NB_LONG'] === '1' ? 2000 : 100
const seed = numberSetting('NB_SEED', Date.now() % 1_000_000)
if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)
t.comment(`seed ${seed}, ${numRuns} runs a property`)

t.test('each group is served what it reads, in the order of paths', async (t) => {
  const world = createWorld()
  putChain(world.catalog, 'disk2')
  const request = restoreRequest()
  const [first, second] = await groupsOf(world, request)
  t.same(await take(world, await serve(world, request, first)), ['/', '/a', '/b'])
  t.same(await take(world, await serve(world, request, second)), ['/new'])
})

t.test('renamed entries come in the order of their new paths', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  const rename = [
    { from: toPath('/a'), to: toPath('/z/deep') },
    { from: toPath('/new'), to: toPath('/0') },
  ]
  const request = restoreRequest({
    target: { kind: 'directory', directory: toPath('/t'), strip: toPath('/srv'), rename },
  })
  const [group] = await groupsOf(world, request)
  t.same(await take(world, await serve(world, request, group)), ['/', '/0', '/b', '/z/deep'])
})

t.test('a reader that does not read stops the catalog', async (t) => {
  const world = createWorld()
  world.catalog.put({ backupId: 'web1_1', entries: manyEntries })
  const request = restoreRequest({ paths: [toPath('/')], target: { kind: 'original' } })
  const [group] = await groupsOf(world, request)
  const planned = world.catalog.bytesServed
  const plan = await serve(world, request, group)
  const channel = await world.channels.connect({ ticket: plan.ticket })
  const head = Buffer.from((await channel.read()) ?? [])
  await world.clock.advance(60_000)
  const ahead = world.catalog.bytesServed - planned
  t.ok(ahead <= 8192, `the catalog is ${ahead} of ${planned} bytes ahead`)
  const paths = await pathsOf(channel, head)
  t.equal(paths.length, manyEntries.length, 'and the reader gets all of it when it reads on')
  t.equal(await plan.done, undefined)
})

t.test('a reader that goes away ends the serving, and is no failure of the plan', async (t) => {
  const world = createWorld()
  world.catalog.put({ backupId: 'web1_1', entries: manyEntries })
  const request = restoreRequest({ paths: [toPath('/')], target: { kind: 'original' } })
  const [group] = await groupsOf(world, request)
  const plan = await serve(world, request, group)
  const channel = await world.channels.connect({ ticket: plan.ticket })
  await channel.read()
  channel.abort('the session was ended')
  t.equal(await plan.done, undefined)
  t.equal(await plan.close(), undefined, 'closing it then does nothing')
})

t.test('a reader that never comes, and one that comes too late', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  const request = restoreRequest()
  const [group] = await groupsOf(world, request)
  const plan = await serve(world, request, group)
  t.equal(await plan.close(), undefined)
  t.equal(await plan.done, undefined)
  await t.rejects(world.channels.connect({ ticket: plan.ticket }), { code: 'ticket-invalid' })
  t.equal(world.clock.pendingTimers, 0, 'nothing waits any more')
})

t.test('a catalog that fails meanwhile breaks the plan off, and the plan says why', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  const request = restoreRequest()
  const [group] = await groupsOf(world, request)
  world.catalog.damageLists()
  const plan = await serve(world, request, group)
  await t.rejects(take(world, plan), {
    code: 'channel-broken',
    message: /file list of image web1_2000 is damaged/,
  })
  t.match(await plan.done, { code: 'file-list-corrupt', status: 229 })
  t.match(await plan.close(), { code: 'file-list-corrupt' })
})

t.test('all groups together are served every wanted entry once, at its place', async () => {
  const ids = ['web1_1', 'web1_2', 'web1_3']
  const entry = fc.record({ name: fc.integer({ min: 0, max: 400 }), from: fc.constantFrom(...ids) })
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(entry, { selector: ({ name }) => name, minLength: 1, maxLength: 120 }),
      fc.boolean(),
      async (chosen, reversed) => {
        const world = createWorld()
        const entries = chosen.map(({ name, from }) => ({ path: `/srv/${name}`, from }))
        ids.forEach((backupId, index) =>
          world.catalog.put({ backupId, storageUnit: `disk${index}`, entries }),
        )
        const target = {
          kind: 'directory',
          directory: toPath('/t'),
          strip: toPath('/srv'),
          rename: reversed
            ? chosen.map(({ name }) => ({ from: toPath(`/${name}`), to: toPath(`/${999 - name}`) }))
            : [],
        } as const
        const request = restoreRequest({ target })
        const served: string[] = []
        for (const group of await groupsOf(world, request)) {
          const paths = await take(world, await serve(world, request, group))
          const sorted = [...paths].sort((a, b) => comparePaths(Buffer.from(a), Buffer.from(b)))
          if (paths.join() !== sorted.join()) throw new Error(`not in order: ${paths.join()}`)
          served.push(...paths)
        }
        const wanted = chosen.map(({ name }) => `/${reversed ? 999 - name : name}`)
        if (served.sort().join() !== wanted.sort().join())
          throw new Error(`${served.join()} for ${wanted.join()}`)
      },
    ),
    { numRuns, seed },
  )
})

const manyEntries: readonly ListedEntry[] = Array.from({ length: 20_000 }, (_, index) => ({
  path: `/srv/${String(index).padStart(6, '0')}`,
}))

async function groupsOf(
  { catalog, channels }: World,
  request: RestoreRequest,
): Promise<readonly RestoreGroup[]> {
  return (await planRestore({ catalog, channels }, request)).groups
}

function serve(world: World, request: RestoreRequest, group: RestoreGroup | undefined): Promise<ServedPlan> {
  if (group === undefined) throw new Error('there is no such group')
  return servePlan(world, request, group, { reader: 'web1', log: debugLogger('nb:restore:test') })
}

async function take(world: World, plan: ServedPlan): Promise<readonly string[]> {
  const channel = await world.channels.connect({ ticket: plan.ticket })
  const paths = await pathsOf(channel)
  await channel.end()
  return paths
}

async function pathsOf(channel: DataChannel, head = Buffer.alloc(0)): Promise<readonly string[]> {
  const decoder = new FileListDecoder()
  const paths: string[] = []
  decoder.push(head, {})
  for await (const chunk of readChannel(channel)) {
    decoder.push(chunk, { onRecord: ({ path }) => void paths.push(displayPath(pathFromBytes(path))) })
  }
  decoder.finish()
  return paths
}
