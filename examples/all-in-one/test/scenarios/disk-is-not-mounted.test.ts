import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Policy } from '@nb/contracts'
import { MARKER_NAME } from '@nb/media-disk'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { boot } from '../support/boot.ts'
import { runExample, scratch } from '../support/run-example.ts'
import { manualPolicy, restoreTo } from '../support/site.ts'

t.setTimeout(110_000)

function setup(name: string) {
  const root = scratch(name)
  const [source, state, disk] = ['source', 'state', 'disk'].map((each) => join(root, each)) as [
    string,
    string,
    string,
  ]
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'a')
  const away = `${disk}-unmounted`
  return {
    source,
    state,
    disk,
    policy: (unit: string): Policy => ({ ...manualPolicy(source), storage: { kind: 'unit', name: unit } }),
    unmount: () => {
      renameSync(disk, away)
      mkdirSync(disk)
    },
    mount: () => {
      rmSync(disk, { recursive: true })
      renameSync(away, disk)
    },
  }
}

for (const unit of ['disk1', 'disk2'] as const) {
  t.test(
    `a server that starts while ${unit} is not mounted makes no new one in the mount point`,
    async (t) => {
      const { source, state, disk, policy, unmount, mount } = setup('not-mounted')
      const warnings: string[] = []
      const start = (newDisks: readonly string[] = []) =>
        boot(state, {
          ...(unit === 'disk1' ? { diskDirectory: disk } : {}),
          settings: { tries: 1, newDisks, ...(unit === 'disk2' ? { secondDisk: disk } : {}) },
          warn: (text) => void warnings.push(text),
        })
      let server = await start()
      const shownUnit = async () => (await collect(server.ports.media.storageUnits({ name: unit })))[0]
      const run = async (schedule = 'full') => {
        const { jobIds } = await server.ports.scheduler.runNow({ policy: 'manual', schedule })
        return server.ports.jobs.wait({ jobId: jobIds[0] as string })
      }
      t.match(await shownUnit(), { missing: undefined, space: { full: undefined } })
      await server.ports.scheduler.putPolicy({ policy: policy(unit) })
      const first = await run()
      t.match(first, { status: 0 })
      await server.stop()
      t.same(warnings, [])

      unmount()
      server = await start()
      t.same(readdirSync(disk), [], 'nothing is written below the mount point')
      const shown = await shownUnit()
      t.match(shown, { missing: /not mounted/ })
      t.notOk(
        shown?.type === 'disk' && shown.space,
        'no room of the file system with the mount point is shown',
      )
      t.equal(warnings.length, 1)
      t.match(warnings[0], new RegExp(`${unit} cannot be mounted: ${disk} .*not mounted.*--new-disk ${unit}`))
      t.match(await run(), { status: 83 }, 'and nothing after')
      t.same(readdirSync(disk), [])
      t.same(
        (await collect(server.ports.catalog.listImages({}))).map(({ backupId }) => backupId),
        [first.backupId],
      )
      mount()
      t.match(
        await restoreTo(server, source, first.backupId ?? '', `${disk}-restored`),
        { status: 0 },
        'mounted again, without another start',
      )
      t.match(await run(), { status: 0 })
      t.match(await shownUnit(), { missing: undefined, space: { full: undefined } }, 'there, with its room')
      await server.stop()

      rmSync(disk, { recursive: true })
      warnings.length = 0
      server = await start([unit])
      t.match(warnings, [/2 images had the only copy there and are expired, 0 more have a copy elsewhere/])
      t.ok(existsSync(join(disk, MARKER_NAME)), 'a disk that is lost is made anew where the operator says so')
      const next = await run('incr')
      t.match(next, { status: 0 })
      const image = await server.ports.catalog.getImage({ backupId: next.backupId ?? '' })
      t.equal(image?.counts?.storedEntries, image?.counts?.entries, 'all of it')
      t.match(image, { neededImages: [] }, 'an incremental refers to nothing that is gone: it stores all')
      t.match(await restoreTo(server, source, next.backupId ?? '', `${disk}-restored-anew`), { status: 0 })
      await server.stop()
      warnings.length = 0
      server = await start([unit])
      t.match(warnings, [/leave it away/])
      await server.stop()
    },
  )
}

t.test('a server killed between making its disk and knowing it has made its disk once more', async (t) => {
  const { state, disk } = setup('marked')
  await (await boot(state, { settings: { secondDisk: disk } })).stop()
  rmSync(state, { recursive: true })
  const server = await boot(state, { settings: { secondDisk: disk }, warn: (text) => t.fail(text) })
  t.same(readdirSync(disk), [MARKER_NAME])
  await server.stop()
})

t.test('a disk of another media server ends the start, and is taken over where that is said', async (t) => {
  const { state, disk } = setup('of-another')
  const start = (takenDisks: readonly string[] = []) =>
    boot(state, { settings: { secondDisk: disk, takenDisks }, warn: (text) => t.fail(text) })
  await (await start()).stop()
  const marker = join(disk, MARKER_NAME)
  writeFileSync(marker, readFileSync(marker, 'utf8').replace('"local"', '"media1"'))
  await t.rejects(start(), { message: /belongs to media server media1, and this is local/ })
  await (await start(['disk2'])).stop()
  await (await start()).stop()
})

t.test('a mistyped --new-disk is refused with 2', async (t) => {
  t.match(await runExample('--serve', '--new-disk', 'disk3', '--state', scratch('typo')), {
    code: 2,
    stderr: /disk1 or disk2/,
  })
})
