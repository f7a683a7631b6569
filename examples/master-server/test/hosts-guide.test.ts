import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { compareTrees } from '../../../packages/transfer/test/client/compare-trees.ts'
import { makeTree } from '../../../packages/transfer/test/client/make-tree.ts'
import { whyNoNetwork } from '../../host-program/test/support/namespaces.ts'
import { createNetwork, type Network } from '../../host-program/test/support/network.ts'
import { sourceEnvironment } from '../../host-program/test/support/programs.ts'
import { readGuide } from './support/guide.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const guide = new URL('../../../docs/guides/hosts.md', import.meta.url)
const hosts = ['backup1', 'media1', 'web1', 'web2', 'desk1']
const why = whyNoNetwork()

/** Of what each command of the guide must say something; the guide's comments promise it. */
const promised: readonly (readonly [command: string, said: RegExp])[] = [
  ['npx nb hosts', /web2 +client +enrolled/],
  ['npx nb storage', /^disk1 +disk +media1 +up/m],
  ['npx nb policy import', /policy nightly: added/],
  ['npx nb backup nightly --wait', /ended with status 0/],
  ['npx nb job 1', /status +0: /],
  ['npx nb list', /index\.html/],
  ['npx nb restore /srv/www/index.html', /ended with status 0/],
  ['npx nb restore /srv/www --client', /ended with status 0/],
  ['npx nb why 4', /job 4 waits [^]*goes on when media server media1 is brought up/],
  ['npx nb cancel 4 5', /job 4[^]*job 5/],
  ['npx nb audit', /ann +administrator +10\.77\.\d\.2 +jobs\.cancel +5 +done/],
]

t.test('the guide to hosts of their own works as it is written', { skip: why ?? false }, async (t) => {
  const network = createNetwork(hosts)
  t.teardown(network.remove)
  for (const host of hosts)
    for (const folder of ['examples', 'packages'])
      symlinkSync(join(root, folder), join(network.folderOf(host, 'home'), folder))
  const source = join(network.folderOf('web1', 'srv'), 'www')
  const restored = join(network.folderOf('web2', 'srv'), 'of-web1/www')
  makeSource(source)
  const session = createTyping(network)
  const said = new Map<string, string>()
  for (const block of readGuide(guide)) {
    const home = network.folderOf(block.host, 'home')
    if ('file' in block) writeFileSync(join(home, block.file), block.content)
    else
      for (const line of block.lines) {
        // What is to be cancelled is not to be over before.
        if (line.startsWith('npx nb media-server down')) network.suffer({ slow: { web1: 500_000 } })
        said.set(line.replace(/ +#.*/, ''), await session.type(block.host, line))
        if (line.includes('--to-client web2')) checkRestored(t, source, restored)
      }
    // Somebody brings each token to its host.
    for (const token of [...said.keys()].flatMap((line) => /> (\w+)\.token$/.exec(line)?.[1] ?? []))
      copyFileSync(
        join(network.folderOf('backup1', 'home'), `${token}.token`),
        join(network.folderOf(hosts.includes(token) ? token : 'desk1', 'home'), `${token}.token`),
      )
  }
  for (const [command, pattern] of promised) {
    const typed = [...said.keys()].filter((line) => line === command || line.startsWith(`${command} `))
    t.match(said.get(typed.find((line) => line === command) ?? typed[0] ?? ''), pattern, command)
  }
  const backup = said.get('npx nb job 1')
  for (let step = 1; step <= 17; step++)
    t.match(backup, new RegExp(`backup ${step} `), `step ${step} happened`)

  await t.test('what was cancelled has ended and left nothing', async (t) => {
    for (const job of ['4', '5'])
      t.match(
        await session.until('desk1', `npx nb job ${job}`, /state +done/),
        /status +150: [^]*the wrong night/,
      )
    network.suffer({})
    t.match(await session.type('desk1', 'npx nb backup nightly --wait'), /ended with status 0/)
    const files = execFileSync('find', [join(network.folderOf('media1', 'srv'), 'backup'), '-type', 'f'])
    const images = await session.type('desk1', 'npx nb images')
    t.same(namesIn(files.toString()), namesIn(images), 'on the disk is what the catalog has')
    t.equal(namesIn(images).length, 2)
  })
  await t.test('who may not is refused', async (t) => {
    const asWeb1 = 'npx nb --master backup1.example.org --identity /var/lib/nb/client/identity'
    await t.rejects(session.type('web1', `${asWeb1} policy activate nightly`), { message: /access-denied/ })
    await session.type('desk1', 'npx nb host revoke web2 --reason sold')
    await t.rejects(session.type('web2', `${asWeb1} hosts`), { message: /revoked/ })
    t.match(await session.type('desk1', 'npx nb hosts'), /web2 +client +revoked/)
    const audit = await session.type('desk1', 'npx nb audit')
    for (const noted of [
      /ann +administrator +10\.77\.4\.2 +hosts\.revoke +web2 +done/,
      /ann +administrator +10\.77\.4\.2 +scheduler\.putPolicy +nightly +done/,
      /administrator +this host +hosts\.createToken +ann +done/,
    ])
      t.match(audit, noted)
  })
})

/** A tree of every kind of entry, and the page that the guide restores. */
function makeSource(source: string): void {
  mkdirSync(source)
  makeTree(source, { seed: 1, deep: false })
  // Read through hole and all by what compares.
  rmSync(join(source, 'sparse', 'beyond 8 GiB'))
  writeFileSync(join(source, 'index.html'), '<h1>hello</h1>')
}

/** By means of their own, none of the code under test. */
function checkRestored(t: Test, source: string, restored: string): void {
  t.same(compareTrees(source, restored), [], 'kinds, times, devices, holes, links')
  if (spawnSync('rsync', ['--version']).status !== 0) {
    t.comment('SKIPPED: rsync is missing; apt-get install rsync')
    return
  }
  const compare = ['-aHAXnci', '--delete', '--numeric-ids', '--modify-window=-1']
  t.equal(
    execFileSync('rsync', [...compare, `${source}/`, `${restored}/`], { encoding: 'utf8' }),
    '',
    'content, attributes and ACLs, by rsync',
  )
}

/** The images that a text names. */
function namesIn(text: string): readonly string[] {
  return [...new Set(text.match(/web1_\d+/g))].sort()
}

/** Whoever types on hosts. */
interface Typing {
  /** Answers what the command said; a server is left running once it serves. Rejects where its exit code is not 0. */
  readonly type: (host: string, line: string) => Promise<string>
  /** Types it until it says what is waited for. */
  readonly until: (host: string, line: string, said: RegExp) => Promise<string>
}

function createTyping(network: Network): Typing {
  const exported = new Map<string, Readonly<Record<string, string>>>()
  const type: Typing['type'] = async (host, line) => {
    const [, name, value] = /^export (\w+)=(\S+)$/.exec(line) ?? []
    if (name !== undefined) exported.set(host, { ...exported.get(host), [name]: value ?? '' })
    const fromSource = line
      .replace(/^npx nb /, 'node packages/cli/src/main.ts ')
      .replace(/^node (examples\/[\w-]+)\/dist\/main\.js/, 'exec node $1/src/main.ts')
    const child = network.start(host, ['sh', '-c', fromSource], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...sourceEnvironment(network), TZ: noonHere(), ...exported.get(host) },
    })
    const notes = text(child.stderr!)
    if (fromSource.startsWith('exec node')) {
      const started = once(child.stdout!, 'data').then(String)
      const failed = once(child, 'exit').then(async () =>
        Promise.reject(new Error(`${line}: ${await notes}`)),
      )
      return Promise.race([started, failed])
    }
    const output = text(child.stdout!)
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== 0) throw new Error(`${host}: ${line}: ${code}, ${await output}${await notes}`)
    return output
  }
  return {
    type,
    until: async (host, line, wanted) => {
      for (;;) {
        const said = await type(host, line)
        if (wanted.test(said)) return said
      }
    },
  }
}

/** A time zone where it is about noon: no window of the guide is open. */
function noonHere(): string {
  const hours = new Date().getUTCHours() - 12
  return `Etc/GMT${hours >= 0 ? '+' : '-'}${Math.abs(hours)}`
}
