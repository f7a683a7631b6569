import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { removeLeftovers, whyNoNetwork } from './support/namespaces.ts'
import { createNetwork } from './support/network.ts'

const why = whyNoNetwork()

t.test(
  'hosts of a network of their own, and what may be wrong with it',
  { skip: why ?? false },
  async (t) => {
    const network = createNetwork(['left', 'right'])
    t.teardown(network.remove)
    const on = async (host: string, script: string): Promise<string> => {
      const child = network.start(host, ['sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
      return text(child.stdout!)
    }
    writeFileSync(
      join(network.folderOf('right', 'home'), 'server.mjs'),
      `import { createServer } from 'node:net'
    createServer((socket) => socket.on('error', () => {}).on('data', (data) => socket.write(data))).listen(7, () => console.log('up'))`,
    )
    const server = network.start('right', [process.execPath, 'server.mjs'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(server.stdout!, 'data')
    /** What comes of 256 KiB that go to the other host and back. */
    const echo = (ms: number): Promise<string> =>
      on(
        'left',
        `exec ${process.execPath} -e '
      const begun = Date.now(), timer = setTimeout(() => process.exit(console.log("silence")), ${ms})
      const socket = net.connect(7, "right.example.org", () => socket.write(Buffer.alloc(262144)))
      let got = 0
      socket.on("error", (error) => process.exit(console.log(error.code)))
      socket.on("data", (data) => (got += data.length) === 262144 && process.exit(console.log("whole", Date.now() - begun)))'`,
      )
    t.match(await echo(5000), /^whole/)
    network.suffer({ silent: [['left', 'right']] })
    t.equal(await echo(300), 'silence\n')
    network.suffer({ unplugged: ['right'] })
    t.match(await echo(5000), /^E(HOST|NET)UNREACH/)
    network.suffer({ lostPercent: 5 })
    t.match(await echo(30_000), /^whole/)
    network.suffer({ slow: { right: 512 * 1024 } })
    const [, ms] = /^whole (\d+)/.exec(await echo(30_000)) ?? []
    t.ok(Number(ms) > 300, `it took ${ms} ms`)
    network.suffer({})
    t.match(await echo(5000), /^whole \d{1,3}\n/)
    await on('left', 'echo mine > /var/lib/file; echo mine > /srv/file')
    t.equal(await on('right', 'ls /var/lib /srv'), '/srv:\n\n/var/lib:\n')
    t.notOk(existsSync('/srv/file'))

    network.remove()
    const [, signal] = (await once(server, 'exit')) as [number | null, string | null]
    t.equal(signal, 'SIGKILL', 'what ran on a host ends with it')
    t.same(namespacesOf(process.pid), [])
  },
)

t.test('what a killed test has left is removed by the next', { skip: why ?? false }, async (t) => {
  const support = new URL('support/network.ts', import.meta.url).href
  const killed = spawn(process.execPath, [
    ...['--input-type=module', '-e'],
    `import { createNetwork } from '${support}'
    const network = createNetwork(['alone'])
    network.start('alone', ['sleep', '1000'])
    console.log('up')
    setInterval(() => {}, 1000)`,
  ])
  await once(killed.stdout, 'data')
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  t.equal(namespacesOf(killed.pid).length, 2)
  removeLeftovers()
  t.same(namespacesOf(killed.pid), [])
})

function namespacesOf(pid: number | undefined): readonly string[] {
  return readdirSync('/run/netns').filter((name) => name.startsWith(`nb-test-${pid}-`))
}
