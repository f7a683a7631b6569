import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { systemClock } from '@nb/contracts'
import { createPowerLossStorage } from '@nb/test-kit'
import {
  authorityAt,
  type Connection,
  connect,
  createAccessControl,
  createAuditLog,
  enrolHost,
  type HostIdentity,
  openHostIdentity,
  openSite,
  parseToken,
  portsAt,
  serve,
  strangerTo,
} from '../../src/index.ts'
import { exampleJob } from '../ports/examples.ts'
import { createMemoryJobs } from '../ports/memory-jobs.ts'
import { collect, turnsUntil } from '../waiting.ts'

const clock = systemClock()

t.test(
  'a host comes in with a token and nothing else, does what it may, and is out at once when it is revoked',
  async (t) => {
    const storage = createPowerLossStorage()
    const { files } = storage
    const site = await openSite(
      { store: new MemoryLevel(), clock, directory: '/master', files },
      { name: 'master1', addresses: [] },
    )
    const { hosts, enrolment, identity: master } = site
    const tokenFor = async (
      name: string,
      roles: Parameters<typeof hosts.createToken>[0]['roles'],
    ): Promise<string> => (await hosts.createToken({ name, roles })).token
    const audit = createAuditLog({ store: new MemoryLevel(), clock })
    await audit.start()
    const jobs = createMemoryJobs()
    const { jobId } = await jobs.submit(exampleJob('one'))
    const access = createAccessControl({ clock, hosts, audit, jobs })
    const server = await serve(
      { hosts, enrolment, jobs, audit },
      { port: 0, host: '127.0.0.1', identity: master, access },
    )
    t.teardown(() => server.stop())
    const address = `127.0.0.1:${server.port}`
    const enrol = async (token: string, at: string): Promise<HostIdentity> => {
      const { authority: fingerprint } = parseToken(token)
      const pem = await authorityAt({ host: '127.0.0.1', port: server.port, fingerprint })
      const master = portsAt({ address, identity: strangerTo(pem), expect: { role: 'master' } })
      try {
        await t.rejects(
          master.jobs.get({ jobId }),
          { code: 'access-denied' },
          'a stranger may enrol, no more',
        )
        await enrolHost({ enrolment: master.enrolment, directory: at, files }, { token })
        await t.rejects(enrolHost({ enrolment: master.enrolment, directory: `${at}-2`, files }, { token }), {
          code: 'token-invalid',
        })
      } finally {
        master.close()
      }
      return openHostIdentity({ clock, enrolment, directory: at, files })
    }
    const as = async (name: string, roles: Parameters<typeof tokenFor>[1]): Promise<Connection> => {
      const connection = await connect({
        address,
        identity: await enrol(await tokenFor(name, roles), `/${name}`),
      })
      t.teardown(() => connection.close())
      return connection
    }
    const [web1, web2, alice] = [
      await as('web1', ['client']),
      await as('web2', ['client']),
      await as('alice', ['administrator']),
    ]
    t.equal((await web1.jobs.get({ jobId }))?.client, 'web1')
    await web1.jobs.cancel({ jobId })
    await t.rejects(web2.jobs.get({ jobId }), { code: 'access-denied', message: /web2 \(client\)/ })
    await t.rejects(web2.hosts.createToken({ name: 'evil', roles: ['administrator'] }), {
      code: 'access-denied',
    })
    const watching = t.rejects(
      collect(web1.jobs.watch({ client: 'web1' })),
      { code: 'identity-invalid', details: { reason: 'CERT_REVOKED' } },
      'what is open is cut',
    )
    await turnsUntil(() => jobs.watching === 1)
    await alice.hosts.revoke({ name: 'web1', reason: 'stolen' })
    await watching
    await turnsUntil(() => jobs.watching === 0)
    await t.rejects(web1.jobs.get({ jobId }), { code: 'identity-invalid', message: /revoked/ })
    const calls = (await collect(alice.audit.list({ caller: 'web1' }))).map(
      ({ call, outcome }) => `${call} ${outcome}`,
    )
    t.same(calls, ['jobs.cancel done'])
    const refused = await collect(alice.audit.list({ outcomes: ['refused'], caller: 'web2' }))
    t.match(refused[0], { call: 'hosts.createToken', subject: 'evil', caller: { address: '127.0.0.1' } })
  },
)
