import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '@nb/contracts'
import { createTlsChannels, type TlsChannels } from '@nb/remote'
import { freePort } from '@nb/test-kit'
import t from 'tap'
import { startTgtd, tgtdMissing } from '../../../packages/media-tape/test/tgtd/tgtd.ts'
import { HostProcess } from './support/host-process.ts'
import { policyFile } from './support/policy-file.ts'
import { openSite } from './support/site.ts'
import { until } from './support/until.ts'

/** By which the quirks of tgtd's drives are known. */
const tgtdModel = { vendor: 'IET', product: 'VIRTUAL-TAPE' }

t.test(
  'a master, a media server and two clients, each a process with a port and a certificate of its own',
  async (t) => {
    const recovery = t.testdir({})
    const { client, directory, disk, identityOf, master, media, mediaServer, nb, ports, portsAs, stateOf } =
      await openSite(t, { catalogBackup: recovery })
    const web1 = await client('web1')
    const web2 = await client('web2')
    await Promise.all([web1.start(), web2.start()])
    t.match(await nb('storage'), /disk1 .*media1/)
    t.match(await nb('hosts'), /web2 +client +enrolled/)
    const second = new HostProcess('master-server', 'master1', await freePort(), [
      '--state',
      stateOf('master1'),
    ])
    await t.rejects(second.start(), { message: /status 145: the state .* is in use by process \d+: stop it/ })
    await t.rejects(nb('--identity', join(stateOf('web1'), 'identity'), 'policy', 'activate', 'nightly'), {
      message: /access-denied/,
    })

    const source = join(directory, 'source')
    mkdirSync(join(source, 'below'), { recursive: true })
    for (let number = 0; number < 50; number++)
      writeFileSync(join(source, 'below', `file-${number}`), `content ${number}\n`.repeat(number * 40))
    writeFileSync(join(source, 'big'), Buffer.alloc(9 << 20, 'nine megabytes '), { mode: 0o640 })
    const policyOf = (name: string, storageUnit: string): string =>
      policyFile(directory, { name, clients: ['web1'], selection: source, storageUnit })
    await nb('policy', 'import', policyOf('nightly', 'disk1'))
    t.match(await nb('backup', 'nightly', '--wait'), /ended with status 0/)
    const job = await nb('jobs', '--limit', '1')
    t.match(job, /backup +done +0 +nightly/)
    const log = await nb('job', '1')
    for (let step = 1; step <= 17; step++)
      t.match(log, new RegExp(`backup ${step} `), `step ${step} happened`)

    const unfinished = join(disk, 'web1', 'web1_1', '1-000001.nbf.tmp')
    mkdirSync(join(unfinished, '..'), { recursive: true })
    writeFileSync(unfinished, 'being written')
    const onDisk = ['--disk', `disk1=${disk}`]
    const toMaster = ['--state', stateOf('media1'), '--master', master.address]
    const again = new HostProcess('media-server', 'media1', await freePort(), [...toMaster, ...onDisk])
    await t.rejects(again.start(), {
      message: new RegExp(`status 145: ${disk} is in use by process ${media.pid}: stop it`),
    })
    await t.rejects((await mediaServer('media3', ...onDisk)).start(), {
      message: /status 83: .* belongs to media server media1, and this is media3[^]*--take-disk disk1/,
    })
    t.equal(readFileSync(unfinished, 'utf8'), 'being written', 'neither has removed what is being written')
    rmSync(join(unfinished, '..'), { recursive: true })

    const asMedia1 = portsAs(web1, await identityOf('media1')).clientAgent
    const list = { address: '127.0.0.1:1', token: 'A'.repeat(43) }
    for (const jobId of ['1', '99'])
      await t.rejects(
        asMedia1.startRemoval({ jobId, backupId: 'web1_1', list }),
        { code: 'access-denied' },
        `a client takes no session for job ${jobId}, which has ended or never was`,
      )

    await t.test(
      'the ticket of a file list opens nothing for another host that has come by it',
      async (t) => {
        const { ticket } = await ports.catalog.readFileList({ client: 'web1', peer: 'web1' })
        const channelsOf = async (name: string): Promise<TlsChannels> => {
          const components = { identity: await identityOf(name), clock: systemClock() }
          const channels = createTlsChannels(components, { address: '127.0.0.1:1', name })
          t.teardown(channels.close)
          return channels
        }
        for (const thief of ['web2', 'media1', 'ann'])
          await t.rejects((await channelsOf(thief)).connect({ ticket }), { code: 'ticket-invalid' }, thief)
        const own = await (await channelsOf('web1')).connect({ ticket })
        t.ok((await own.read())?.length, 'it stays good for the one that it is for')
        own.abort('that is enough')
      },
    )

    const back = join(directory, 'back')
    mkdirSync(back)
    const restore = ['restore', source, '--client', 'web1', '--to', back, '--strip', source, '--wait']
    t.match(await nb(...restore, '--to-client', 'web2'), /ended with status 0/)
    t.same(readFileSync(join(back, 'big')), readFileSync(join(source, 'big')))
    t.equal(statSync(join(back, 'big')).mode & 0o777, 0o640)
    for (const number of [0, 1, 49])
      t.equal(
        readFileSync(join(back, 'below', `file-${number}`), 'utf8'),
        readFileSync(join(source, 'below', `file-${number}`), 'utf8'),
      )
    await t.test('a client sees what is its own; what is mistyped of hosts is refused', async (t) => {
      const asWeb1 = ['--identity', join(stateOf('web1'), 'identity')]
      t.match(await nb(...asWeb1, 'jobs'), /backup +done +0 +nightly/)
      t.match(await nb(...asWeb1, 'images', 'list'), /web1_/)
      t.match(await nb(...asWeb1, 'list', source), /big/)
      const both = {
        message: /state-conflict[^]*remedy: .*nb host token web1 --role client --role media-server/,
      }
      await t.rejects(nb('host', 'token', 'web1', '--role', 'media-server'), both)
      const set = (...sources: string[]): Promise<string> =>
        nb('host', 'set', 'web2', ...sources.flatMap((source) => ['--source', source]))
      await t.rejects(set('web1', 'wbe1'), {
        message: /there is no host wbe1, and no backup of one; nothing/,
      })
      await t.rejects(set('media1'), { message: /media1 is media-server, no client/ })
      t.match(await set('web1'), /may restore its own backups and those of web1/)
      t.match(await set('none'), /may restore its own backups only/)
    })
    await t.test('tapes on a media server of their own', { skip: tgtdMissing }, async (t) => {
      const library = await startTgtd({ tapes: 3, smalls: 0, tape_mb: 64, ...tgtdModel })
      t.teardown(() => library.remove())
      const { portal, target } = library
      const url = `iscsi://${portal.host}:${portal.port}/${target}`
      await (await mediaServer('media2', '--tape', url)).start()
      t.match(await nb('drives'), /media2-drive1 +hcart +media2 +media2-robot1 +TLD/)
      t.match(
        await nb('storage', 'add', 'tape1', '--media-server', 'media2', '--robot', 'media2-robot1'),
        /added/,
      )
      t.match(await nb('volume', 'label', 'NBT001'), /NBT001: labelled in drive media2-drive/)
      t.match(await nb('robot', 'inventory', 'media2-robot1'), /NBT001L8 +NBT001/)
      await nb('policy', 'import', policyOf('tapes', 'tape1'))
      t.match(await nb('backup', 'tapes', '--wait'), /ended with status 0/)
      t.match(await nb('volumes', '--assigned'), /NBT00\d +NetBackup +hcart +media2-robot1/)
      const { backupId = '' } = (await ports.jobs.get({ jobId: '1' })) ?? {}
      t.match(
        await nb('duplicate', backupId, '--to', 'tape1', '--pool', 'NetBackup', '--wait'),
        /ended with status 0/,
        'from the disk of one media server to the tapes of the other',
      )
      t.match(await nb('verify', backupId, '--copy', '2', '--wait'), /ended with status 0/)
      rmSync(back, { recursive: true })
      mkdirSync(back)
      t.match(await nb(...restore, '--to-client', 'web2', '--policy', 'tapes'), /ended with status 0/)
      t.same(readFileSync(join(back, 'big')), readFileSync(join(source, 'big')))
      t.match(await nb('volume', 'eject', 'NBT002'), /in mail slot 1 of media2-robot1, take it out/)
      const refused = nb('--identity', join(stateOf('media1'), 'identity'), 'volume', 'freeze', 'NBT001')
      await t.rejects(
        refused,
        { message: /access-denied/ },
        'a media server has no say over tapes of another',
      )
    })

    await t.test(
      'the master is lost, and comes back by a recovery file, its authority and the disk',
      async (t) => {
        const catalog = { name: 'catalog', clients: ['master1'], storageUnit: 'disk1' }
        const file = policyFile(directory, { ...catalog, selection: join(recovery, 'snapshot') })
        await nb('policy', 'import', file)
        t.match(await nb('backup', 'catalog', '--wait'), /ended with status 0/)
        const path = await until(10_000, 'there is a recovery file', async () =>
          readdirSync(recovery).find((name) => name.endsWith('.json')),
        )
        const known = await nb('images')
        const policies = await nb('policies')
        await master.kill('SIGTERM')
        const [state, lost] = [stateOf('master1'), `${stateOf('master1')}.lost`]
        renameSync(state, lost)
        const recovering = ['--state', state, '--recover', join(recovery, path)]
        const recover = new HostProcess('master-server', 'master1', master.port, recovering)
        await recover.start('--recover-from', disk)
        t.equal(await recover.ended(), 0)
        cpSync(join(lost, 'authority'), join(state, 'authority'), { recursive: true })
        await master.start()
        t.equal(await nb('images'), known)
        t.equal(await nb('policies'), policies)
        t.match(await nb('backup', 'nightly', '--wait'), /ended with status 0/, 'all hosts know it')
      },
    )

    await nb('host', 'revoke', 'web2', '--reason', 'sold')
    t.match(await nb('hosts'), /web2 +client +revoked/)
    await t.test(
      'who it is not, whose certificate is no good, and whom nobody answers is told at its start',
      async (t) => {
        await Promise.all([web1.kill('SIGTERM'), web2.kill('SIGTERM')])
        const ends = async (host: HostProcess, said: RegExp): Promise<void> => {
          await t.rejects(host.start(), said.source)
          t.match(host.said, said)
          t.equal(await host.ended(), 4)
        }
        const at = ['--state', stateOf('web1'), '--master', master.address]
        const disk = ['--disk', `disk9=${directory}`]
        await Promise.all([
          ends(web2, /status 46: the certificate of web2 was revoked: [^]*nb host token web2 --role client/),
          ends(
            new HostProcess('client', 'web9', 1, at),
            /status 46: .* name must be web1, not web9\nStart it with --name web1/,
          ),
          ends(
            new HostProcess('media-server', 'web1', 1, [...at, ...disk]),
            /status 46: .* role must be media-server/,
          ),
          web1.start('--master', '127.0.0.1:1'),
        ])
        t.match(
          web1.said,
          /warning: no connection to the master at 127\.0\.0\.1:1 since 20.*: .*ECONNREFUSED/,
        )
      },
    )
    const audit = await nb('audit')
    for (const noted of [
      /ann +administrator +127\.0\.0\.1 +hosts\.revoke +web2 +done/,
      /ann +administrator +127\.0\.0\.1 +scheduler\.putPolicy +nightly +done/,
      /administrator +this host +hosts\.createToken +ann +done/,
      /nobody +127\.0\.0\.1 +enrolment\.enrol +web2 +done/,
    ])
      t.match(audit, noted)
  },
)
