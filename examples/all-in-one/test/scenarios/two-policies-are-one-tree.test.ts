import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Job, toPath } from '@nb/contracts'
import t from 'tap'
import { compareTrees } from '../../src/compare-trees.ts'
import { clientName } from '../../src/compose.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { manualPolicy, snapshotTree } from '../support/site.ts'

t.setTimeout(60_000)

const root = scratch('two-policies')
t.teardown(() => rmSync(root, { recursive: true }))
const source = join(root, 'source')

async function run(
  { ports }: BootedServer,
  name: string,
  directory: string,
  schedule: 'full' | 'incr',
): Promise<Job> {
  if ((await ports.scheduler.getPolicy({ name })) === undefined)
    await ports.scheduler.putPolicy({ policy: { ...manualPolicy(directory), name } })
  const { jobIds } = await ports.scheduler.runNow({ policy: name, schedule })
  return await ports.jobs.wait({ jobId: jobIds[0] as string })
}

t.test('a policy that selects less and ran later does not hide the rest from a restore', async (t) => {
  mkdirSync(join(source, 'docs', 'drafts'), { recursive: true })
  writeFileSync(join(source, 'mail'), 'in the wide backup only')
  writeFileSync(join(source, 'docs', 'plan'), 'first')
  writeFileSync(join(source, 'docs', 'drafts', 'old'), 'still there')
  const server = await boot(join(root, 'state'))
  t.teardown(() => server.stop())
  t.match(await run(server, 'wide', source, 'full'), { status: 0 })
  t.match(await run(server, 'narrow', join(source, 'docs'), 'full'), { status: 0 })
  writeFileSync(join(source, 'docs', 'plan'), 'second')
  t.match(await run(server, 'narrow', join(source, 'docs'), 'incr'), { status: 0 })
  const snapshot = join(root, 'snapshot')
  snapshotTree(source, snapshot)
  for (const path of [source, root, '/']) {
    const copy = join(root, `copy-of-${path.replaceAll('/', '-')}`)
    const { jobId } = await server.ports.restores.submit({
      requestId: randomUUID(),
      from: { client: clientName },
      paths: [toPath(path)],
      target: { kind: 'directory', directory: toPath(copy), strip: toPath(path) },
    })
    const job = await server.ports.jobs.wait({ jobId })
    t.match(job, { status: 0 }, job.statusText ?? '')
    const restored = path === source ? copy : join(copy, source.slice(path === '/' ? 0 : path.length))
    t.same(compareTrees(snapshot, restored).differences, [], `${path}: all of both, each as it was last seen`)
  }
})
