import { randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ImageRecord, toPath } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { compareTrees } from '../../src/compare-trees.ts'
import { clientName } from '../../src/compose.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { backUp, restoreTo } from '../support/site.ts'

t.setTimeout(60_000)

const damages: Record<string, (path: string) => void> = {
  'a byte of its last batch': (path) => flip(path, (bytes) => bytes.length - 20),
  'its first byte': (path) => flip(path, () => 0),
  'the whole of it is gone': (path) => rmSync(path),
}

function flip(path: string, where: (bytes: Buffer) => number): void {
  const bytes = readFileSync(path)
  const at = where(bytes)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

function imageOf({ ports }: BootedServer, backupId: string | undefined): Promise<ImageRecord | undefined> {
  return ports.catalog.getImage({ backupId: backupId ?? 'none' })
}

async function textsOf({ ports }: BootedServer, jobId: string): Promise<string> {
  return (await collect(ports.jobs.log({ jobId }))).map(({ text }) => text).join('\n')
}

async function assertRestores(
  t: Test,
  server: BootedServer,
  root: string,
  source: string,
  image: string | undefined,
): Promise<void> {
  const target = join(root, `restored-${image ?? 'none'}`)
  const restored = await restoreTo(server, source, image as string, target)
  t.equal(restored.status, 0, restored.statusText ?? '')
  t.match(compareTrees(source, target), { differenceCount: 0, differences: [] })
}

for (const [what, damage] of Object.entries(damages)) {
  t.test(`the file list of the only image is damaged: ${what}`, async (t) => {
    const root = scratch('list')
    t.teardown(() => rmSync(root, { recursive: true }))
    const [source, state] = [join(root, 'source'), join(root, 'state')]
    mkdirSync(source)
    for (let number = 0; number < 300; number++)
      writeFileSync(join(source, `file-${number}`), randomBytes(100))
    let server = await boot(state)
    t.teardown(() => server.stop())
    const { backupId: full, status } = await backUp(server, source, 'full')
    t.equal(status, 0)
    const before = await imageOf(server, full)
    damage(join(state, 'images', clientName, full as string, 'files.nbf'))

    const failed = await backUp(server, source, 'incr')
    t.match(failed, { status: 229, statusText: /the reference image .* the next run will not use it/ })
    t.match(failed.statusText, full)
    t.equal((await imageOf(server, failed.backupId))?.state ?? 'discarded', 'discarded')
    const { damaged, ...rest } = (await imageOf(server, full)) ?? {}
    t.match(damaged, /file list .* is damaged/)
    t.same(rest, before)
    await server.stop()
    server = await boot(state)

    writeFileSync(join(source, 'new'), 'since then')
    const next = await backUp(server, source, 'incr')
    t.equal(next.status, 0, next.statusText ?? '')
    t.match(
      await textsOf(server, next.id),
      new RegExp(`runs as a full; not with ${full}, whose file list is damaged`),
    )
    t.match(await imageOf(server, next.backupId), { scheduleType: 'full', neededImages: [] })
    await assertRestores(t, server, root, source, next.backupId)

    writeFileSync(join(source, 'new'), 'and since then')
    const after = await backUp(server, source, 'incr')
    t.equal((await imageOf(server, after.backupId))?.referenceId, next.backupId, 'incrementals go on from it')
    await assertRestores(t, server, root, source, after.backupId)
  })
}

t.test(
  'data in an image with a damaged list is still compared with, and restored, by way of another',
  async (t) => {
    const root = scratch('list')
    t.teardown(() => rmSync(root, { recursive: true }))
    const [source, state] = [join(root, 'source'), join(root, 'state')]
    mkdirSync(source)
    for (const name of ['a', 'b', 'c']) writeFileSync(join(source, name), name)
    const server = await boot(state)
    t.teardown(() => server.stop())
    const { backupId: full } = await backUp(server, source, 'full')
    writeFileSync(join(source, 'b'), 'changed')
    const { backupId: incremental } = await backUp(server, source, 'incr')
    damages['a byte of its last batch']?.(join(state, 'images', clientName, full as string, 'files.nbf'))

    const browsed = collect(
      server.ports.catalog.browse({ client: clientName, backupId: full as string, path: toPath(source) }),
    )
    await t.rejects(browsed, { code: 'file-list-corrupt', status: 229, message: full as string })
    const failed = await server.ports.restores
      .preview({
        requestId: randomUUID(),
        from: { client: clientName, backupId: full as string },
        paths: [toPath('/')],
        target: { kind: 'original' },
      })
      .catch((error: unknown) => error)
    t.match(failed, { code: 'file-list-corrupt', status: 229, message: full as string })

    const next = await backUp(server, source, 'incr')
    t.equal(next.status, 0, next.statusText ?? '')
    const image = await imageOf(server, next.backupId)
    t.match(image, { referenceId: incremental })
    t.ok(image?.neededImages.includes(full as string), 'its data lies where it lay')
    await assertRestores(t, server, root, source, next.backupId)
  },
)
