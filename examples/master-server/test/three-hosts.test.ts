import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openSite } from './support/site.ts'

t.test(
  'a master, a media server and two clients, each a process with a port and a certificate of its own',
  async (t) => {
    const { client, directory, nb, stateOf } = await openSite(t)
    await Promise.all((await Promise.all(['web1', 'web2'].map(client))).map((host) => host.start()))
    t.match(await nb('storage'), /disk1 .*media1/)
    t.match(await nb('hosts'), /web2 +client +enrolled/)
    await t.rejects(nb('--identity', join(stateOf('web1'), 'identity'), 'policy', 'activate', 'nightly'), {
      message: /access-denied/,
    })

    const source = join(directory, 'source')
    mkdirSync(join(source, 'below'), { recursive: true })
    for (let number = 0; number < 50; number++)
      writeFileSync(join(source, 'below', `file-${number}`), `content ${number}\n`.repeat(number * 40))
    writeFileSync(join(source, 'big'), Buffer.alloc(9 << 20, 'nine megabytes '), { mode: 0o640 })
    const policy = join(directory, 'nightly.yaml')
    writeFileSync(
      policy,
      `name: nightly\nclients: [web1]\nselections: [${source}]\nstorage: { unit: disk1 }\nschedules:\n` +
        `  - { name: full, type: full, every: 1d, retention: 2 weeks, windows: ["daily 00:00 for 24h"] }\n`,
    )
    await nb('policy', 'import', policy)
    t.match(await nb('backup', 'nightly', '--wait'), /ended with status 0/)
    const job = await nb('jobs', '--limit', '1')
    t.match(job, /backup +done +0 +nightly/)
    const log = await nb('job', '1')
    for (let step = 1; step <= 17; step++)
      t.match(log, new RegExp(`backup ${step} `), `step ${step} happened`)

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
    await nb('host', 'revoke', 'web2', '--reason', 'sold')
    t.match(await nb('hosts'), /web2 +client +revoked/)
    const audit = await nb('audit')
    for (const noted of [
      /ann +administrator +127\.0\.0\.1 +hosts\.revoke +web2 +done/,
      /ann +administrator +127\.0\.0\.1 +scheduler\.putPolicy +nightly +done/,
      /administrator +this host +hosts\.createToken +ann +done/,
    ])
      t.match(audit, noted)
  },
)
