import { Writable } from 'node:stream'
import t from 'tap'
import type { HostRecord, Role } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { hostSetCommand } from '../src/commands/host-set.ts'
import { hostTokenCommand } from '../src/commands/host-token.ts'
import { hostsCommand } from '../src/commands/hosts.ts'
import { createOutput, type OutputStream } from '../src/output.ts'

const of = (name: string, roles: readonly Role[], addresses: readonly string[] = []): HostRecord => ({
  name,
  kind: 'host',
  roles,
  addresses,
  sources: [],
  state: 'enrolled',
})

/** The ports of a master that knows these, and what is written. */
function site(...known: readonly HostRecord[]) {
  const written = { out: '', err: '' }
  const to = (kind: 'out' | 'err'): OutputStream =>
    new Writable({
      decodeStrings: false,
      write: (text: string, _encoding, done) => {
        written[kind] += text
        done()
      },
    })
  const find = ({ name }: { name: string }): HostRecord | undefined => known.find((one) => one.name === name)
  const hosts: Partial<Ports['hosts']> = {
    get: async (wanted) => find(wanted),
    list: async function* () {
      yield* known
    },
    update: async ({ name, roles = [] }) => ({ ...of(name, []), ...find({ name }), roles }),
    createToken: async () => ({ token: 'nb1.secret', expiresAt: 0 }),
  }
  const output = createOutput({ stdout: to('out'), stderr: to('err'), now: () => 0 }, { json: false })
  return { ports: { hosts, catalog: {} } as Pick<Ports, 'hosts' | 'catalog'>, output, written }
}

t.test('a token is told with the whole line that enrols with it', async (t) => {
  const { ports, output, written } = site()
  await hostTokenCommand(ports, { name: 'web1', roles: ['client'] }, {}, output)
  const line = 'nb host enrol --master ADDRESS-OF-MASTER --token-file FILE --directory'
  t.match(
    written.err,
    `on web1: ${line} /var/lib/nb/client/identity --address ADDRESS-OF-web1:13724, with the state folder`,
  )
  await hostTokenCommand(ports, { name: 'ann', roles: ['viewer'] }, {}, output)
  t.match(written.err, `where ann works: ${line} ~/.config/nb/identity\n`)
})

t.test(
  'a role that is new is told with the token that it takes; one that is taken away needs none',
  async (t) => {
    const { ports, output, written } = site(of('media1', ['media-server', 'client']))
    await hostSetCommand(ports, { name: 'media1', roles: ['client'] }, {}, output)
    t.equal(written.err, '')
    const other = site(of('web1', ['client']))
    await hostSetCommand(other.ports, { name: 'web1', roles: ['media-server'] }, {}, other.output)
    t.match(
      other.written.err,
      'web1 has to enrol again to be media-server: nb host token web1 --role media-server',
    )
  },
)

t.test('a client or media server without an address is told', async (t) => {
  const { ports, output, written } = site(
    of('web1', ['client'], ['w:1']),
    of('web2', ['client']),
    of('m', ['master']),
  )
  await hostsCommand(ports, {}, {}, output)
  t.same(
    written.out.split('\n').map((line) => line.includes('no address')),
    [false, false, true, false, false],
  )
})
