import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Job, importJobRequest } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { backUp, restoreTo } from '../support/site.ts'

async function imported({ ports }: BootedServer, image: string): Promise<Job> {
  const request = importJobRequest({ requestId: randomUUID(), storageUnit: 'disk1', images: [image] })
  return ports.jobs.wait(await ports.jobs.submit(request))
}

t.test('a damaged header and a lost file list come back from the medium, image by image', async (t) => {
  const root = scratch('catalog-damaged-in-part')
  t.teardown(() => rmSync(root, { recursive: true }))
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'first')
  let server = await boot(state)
  const { backupId = '' } = await backUp(server, source, 'full')
  const before = await server.ports.catalog.getImage({ backupId })
  await server.stop()
  const folder = join(state, 'images', before?.client ?? '', backupId)
  const header = readFileSync(join(folder, 'header.json'))
  header[100] = (header[100] ?? 0) ^ 1
  writeFileSync(join(folder, 'header.json'), header)

  server = await boot(state)
  t.teardown(() => server.stop())
  await t.rejects(server.ports.catalog.getImage({ backupId }), { message: `nb import UNIT ${backupId}` })
  t.match(await imported(server, backupId), { status: 0 }, 'the damaged header')
  t.match(await server.ports.catalog.getImage({ backupId }), { state: 'complete', counts: before?.counts })
  t.same(await collect(server.ports.catalog.check({})), [])

  rmSync(join(folder, 'files.nbf'))
  t.match(await collect(server.ports.catalog.check({})), [{ part: 'file-list', backupId }])
  t.match(await imported(server, backupId), { status: 0 }, 'the lost list')
  t.same(await collect(server.ports.catalog.check({})), [])
  const target = join(root, 'restored')
  t.match(await restoreTo(server, source, backupId, target), { status: 0 })
  t.same(compareTrees(source, target, { allocation: false }), [])

  const again = await imported(server, backupId)
  t.match(again, { status: 0, statusText: 'nothing to bring back: 1 image known already' })
  const lines = await collect(server.ports.jobs.log({ jobId: again.id }))
  t.ok(lines.some(({ text }) => text === `image ${backupId}: known already, and sound`))
})
