import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { snapshotTree } from '../../all-in-one/test/support/site.ts'
import { mountSmallDisk, type SmallDisk } from '../../all-in-one/test/support/small-disk.ts'
import { otherThanMasterAway } from './support/complaints.ts'
import { policyFile } from './support/policy-file.ts'
import { openSite } from './support/site.ts'
import { assertRestores, assertSound, endOfTry, submitRestore } from './support/sound.ts'
import { until } from './support/until.ts'

t.setTimeout(115_000)
const mib = 2 ** 20
/** How long it may take until a full disk is told, milliseconds. */
const toldWithinMs = 20_000

t.test(
  'disks of the media server, of a client and of the master run full, and have room again',
  async (t) => {
    const mounts = mkdtempSync(join(tmpdir(), 'nb-full-'))
    const disks: SmallDisk[] = []
    t.teardown(() => {
      for (const disk of disks) disk.unmount()
      rmSync(mounts, { recursive: true, force: true })
    })
    const mount = (name: string, sizeMib: number): SmallDisk | undefined => {
      const disk = mountSmallDisk(join(mounts, name), sizeMib)
      if (typeof disk === 'string') return void t.comment(`SKIPPED: ${disk}; root is needed to mount one`)
      disks.push(disk)
      return disk
    }
    const unitDisk = mount('unit', 34)
    const targetDisk = mount('target', 6)
    const masterDisk = mount('master', 24)
    if (unitDisk === undefined || targetDisk === undefined || masterDisk === undefined) return
    const masterState = join(masterDisk.directory, 'state')
    const site = await openSite(t, { disk: join(unitDisk.directory, 'disk1'), masterState })
    const { directory, master, media, nb, ports } = site
    const client = await (await site.client('web1')).start()
    const source = join(directory, 'source')
    mkdirSync(source)
    for (let at = 0; at < 8; at++) writeFileSync(join(source, `file-${at}`), randomBytes(mib))
    const policy = { name: 'nightly', clients: ['web1'], selection: source, storageUnit: 'disk1' }
    await nb('policy', 'import', policyFile(directory, policy))
    const begin = async (): Promise<string> =>
      (await ports.scheduler.runNow({ policy: 'nightly', schedule: 'full' })).jobIds[0] as string
    const whole = async (): Promise<string> => {
      const jobId = await begin()
      const { status, statusText, backupId } = await until(30_000, `job ${jobId} ends`, async () => {
        const job = await ports.jobs.get({ jobId })
        return job?.status === undefined ? undefined : job
      }).catch(async (error: unknown) => {
        throw new Error(`${await nb('why', jobId)}${String(error)}`)
      })
      t.equal(status, 0, statusText ?? '')
      return backupId as string
    }
    const errors = async (jobId: string): Promise<string> => {
      const lines = await collect(ports.jobs.log({ jobId }))
      return lines.flatMap(({ severity, text }) => (severity === 'error' ? [text] : [])).join('\n')
    }
    const over = async (jobId: string): Promise<void> => {
      await ports.jobs.cancel({ jobId })
      await ports.jobs.wait({ jobId })
    }
    const first = await whole()
    const saved = join(directory, 'saved')
    snapshotTree(source, saved)

    await t.test('the disk of the media server, in the middle of a backup', async (t) => {
      for (let at = 8; at < 36; at++) writeFileSync(join(source, `file-${at}`), randomBytes(mib))
      const jobId = await begin()
      const full = await endOfTry(site, jobId, toldWithinMs)
      t.equal(full.tryStatus, 129, full.tryText)
      t.match(full.tryText, /disk1 is full: .*ENOSPC/)
      t.match(await errors(jobId), /is full/, 'the log of the job says so')
      await over(jobId)
      for (let at = 8; at < 36; at++) rmSync(join(source, `file-${at}`))
      t.match(await collect(ports.catalog.listImages({})), [{ backupId: first }], 'nothing half-done stays')
      t.ok(media.runs)
      t.equal(otherThanMasterAway(media.said), '', 'the media server lives on')
      const next = await whole()
      await assertSound(site, {
        snapshots: new Map([
          [first, saved],
          [next, source],
        ]),
        source,
        client: 'web1',
      })
    })

    await t.test('the disk of a client, in the middle of a restore', async (t) => {
      const target = targetDisk.directory
      const { jobId } = await submitRestore(site, { source, client: 'web1', backupId: first, target })
      const full = await endOfTry(site, jobId, toldWithinMs)
      t.equal(full.status, 155, full.statusText ?? '')
      t.match(full.statusText, /ENOSPC|no space|full/i)
      for (const name of readdirSync(target)) {
        t.match(name, /^file-\d+$/, 'nothing half-written stays')
        t.ok(readFileSync(join(target, name)).equals(readFileSync(join(source, name))), `${name} is whole`)
      }
      t.ok(client.runs)
      t.equal(otherThanMasterAway(client.said), '', 'the client lives on')
      await assertRestores(site, { source, client: 'web1' }, first, saved)
    })

    await t.test(
      'the disk of the master: it ends and says why, and goes on when there is room; nothing that was reported is lost',
      async (t) => {
        masterDisk.fill()
        const tries: string[] = []
        await until(60_000, 'the master ends', async () => {
          tries.push(
            await begin().then(
              (jobId) => `job ${jobId} is begun`,
              (error: unknown) => String(error),
            ),
          )
          return master.runs ? undefined : true
        })
        t.comment(`${tries.length} tries: ${tries.join('; ')}`)
        t.equal(await master.ended(), 1)
        t.match(master.said, /status 155: the database .* could not be written .*no space/i)
        t.match(master.said, /Free space on its disk, and start the server again/)
        await t.rejects(master.start(), { message: /no space/i }, 'nor does it start without room')
        masterDisk.free()
        await master.start()
        await until(60_000, 'the master has settled what was under way', async () => {
          const alive = (await collect(ports.jobs.list({}))).filter(({ state }) => state !== 'done')
          for (const { id, state } of alive)
            if (state === 'waiting-for-retry' || state === 'incomplete')
              await ports.jobs.cancel({ jobId: id })
          return alive.length === 0 ? true : undefined
        })
        const next = await whole()
        await assertSound(site, {
          snapshots: new Map([
            [first, saved],
            [next, source],
          ]),
          source,
          client: 'web1',
        })
      },
    )
  },
)
