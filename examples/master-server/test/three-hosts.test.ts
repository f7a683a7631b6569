import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { runNb } from '@nb/cli'
import { systemClock } from '@nb/contracts'
import t from 'tap'

const directory = mkdtempSync(join(tmpdir(), 'nb-three-'))
const processes: ChildProcess[] = []
t.teardown(async () => {
  await Promise.all(processes.map(ended))
  rmSync(directory, { recursive: true })
})
const [masterPort, mediaPort, clientPort, otherPort] = await Promise.all([
  freePort(),
  freePort(),
  freePort(),
  freePort(),
])
const master = `127.0.0.1:${masterPort}`
const programs = { master: 'master-server', media: 'media-server', client: 'client' }
const stateOf = (name: string): string => join(directory, name)

t.test(
  'a master, a media server and two clients, each a process with a port and a certificate of its own',
  async (t) => {
    await run('master', 'master1', masterPort, [])
    await enrol('media1', 'media-server', mediaPort)
    await enrol('web1', 'client', clientPort)
    await enrol('web2', 'client', otherPort)
    await run('media', 'media1', mediaPort, [
      '--master',
      master,
      '--disk',
      `disk1=${stateOf('disk')}`,
      '--new-disk',
      'disk1',
    ])
    await run('client', 'web1', clientPort, ['--master', master])
    await run('client', 'web2', otherPort, ['--master', master])
    await enrol('ann', 'administrator')
    t.match(await nb('storage', 'add', 'disk1', '--media-server', 'media1'), /disk1 of media1 is added/)
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

async function run(
  program: keyof typeof programs,
  name: string,
  port: number,
  more: readonly string[],
): Promise<void> {
  const main = new URL(`../../${programs[program]}/src/main.ts`, import.meta.url).pathname
  const options = ['--state', stateOf(name), '--name', name, '--address', `127.0.0.1:${port}`]
  if (program === 'media') mkdirSync(stateOf('disk'))
  const child = spawn(
    process.execPath,
    ['--conditions=@nb/source', '--no-warnings', main, ...options, ...more],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  processes.push(child)
  const said = text(child.stderr)
  const started = once(child.stdout, 'data').then(() => true)
  const failed = once(child, 'exit').then(() => false)
  if (!(await Promise.race([started, failed]))) throw new Error(`${name} ended: ${await said}`)
}

/** The whole way of a host or person: the administrator of the master makes a token, the other enrols with it. */
async function enrol(name: string, role: string, port?: number): Promise<void> {
  const token = join(directory, `${name}.token`)
  writeFileSync(token, await nb('--state', stateOf('master1'), 'host', 'token', name, '--role', role), {
    mode: 0o600,
  })
  const address = port === undefined ? [] : ['--address', `127.0.0.1:${port}`]
  const identity = join(stateOf(name), 'identity')
  await nb('host', 'enrol', '--token-file', token, '--directory', identity, ...address)
}

/** Runs a command as ann, the administrator, on a host of her own. */
async function nb(...args: readonly string[]): Promise<string> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const said = Promise.all([text(stdout), text(stderr)])
  const code = await runNb(args, {
    env: { NB_MASTER: master, NB_IDENTITY: join(stateOf('ann'), 'identity') },
    cwd: directory,
    stdout,
    stderr,
    clock: systemClock(),
    signal: new AbortController().signal,
  })
  stdout.end()
  stderr.end()
  const [result, notes] = await said
  if (code !== 0) throw new Error(`nb ${args.join(' ')}: ${notes}`)
  return result
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill()
  await once(child, 'exit')
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}
