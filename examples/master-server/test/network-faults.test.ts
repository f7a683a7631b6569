import { join } from 'node:path'
import { connect } from '@nb/remote'
import { numberSetting, seededRandom } from '@nb/test-kit'
import t from 'tap'
import { whyNoNetwork } from '../../host-program/test/support/namespaces.ts'
import { otherThanMasterAway } from './support/complaints.ts'
import { type FaultedJob, giveSource, playRound, type Round } from './support/fault-round.ts'
import { createNetworkSite } from './support/network-site.ts'

const why = whyNoNetwork()
const isLong = process.env['NB_LONG'] === '1'
t.setTimeout(isLong ? 3_600_000 : 300_000)
const seed = numberSetting('NB_SEED', 20_260_101)
const rounds = isLong ? 5 : 1

/** What the programs of the site are told, seconds; a heartbeat is 10 elsewhere, the others 600 and 300. */
const told = { heartbeat: 0.4, mediaServer: 3, client: 6 }
/** From then on a host that says nothing is taken as gone, milliseconds. */
const silenceMs = 5 * told.heartbeat * 1000
/** A session notices, asks its client why, for 2 s, and tells it to end; both may go unanswered. */
const clientGoneMs = 3 * silenceMs + 2000
/** The master waits for the media server, asks at every fifth of that, and then lets go of what it has there. */
const mediaServerGoneMs = told.mediaServer * 1.4 * 1000 + 4 * silenceMs

const cutFromCatalog =
  /file list .*(media1 heard nothing of backup1|backup1 heard nothing of media1|connection to \w+ failed|\w+ closed the connection)/
const cutFromClient = /client web\d can't be reached|heard nothing of web\d/
/** Packets to the media server vanish, a cable is pulled, a program is stopped, and one is cut off from the master. */
const clientsGo = (name: string, kinds: readonly FaultedJob['kind'][]): Round => ({
  name,
  fault: {
    network: {
      silent: [
        ['web1', 'media1'],
        ['web4', 'backup1'],
      ],
      unplugged: ['web2'],
    },
    stopped: ['web3'],
  },
  withinMs: clientGoneMs,
  jobs: kinds.map((kind, index) =>
    index < 3
      ? { kind, client: `web${index + 1}`, ends: [58], why: cutFromClient }
      : // Data go to the media server, which tells the master: the client's own way to the master is not needed.
        { kind, client: `web${index + 1}`, ends: [0] },
  ),
})

const list: readonly Round[] = [
  clientsGo('clients go', ['backup', 'restore', 'backup', 'restore']),
  ...(isLong
    ? [clientsGo('clients go, those of the other kind', ['restore', 'backup', 'restore', 'backup'])]
    : []),
  {
    name: 'the way between media server and master is cut for less than the silence that is allowed',
    fault: { network: { silent: [['media1', 'backup1']] } },
    forMs: silenceMs / 4,
    withinMs: 10_000,
    jobs: [
      { kind: 'backup', client: 'web1', ends: [0] },
      { kind: 'restore', client: 'web2', ends: [0] },
    ],
  },
  {
    name: 'it is cut for longer, and healed before the master gives up',
    fault: { network: { silent: [['media1', 'backup1']] } },
    forMs: silenceMs * 1.5,
    withinMs: 10_000,
    jobs: [
      {
        kind: 'backup',
        client: 'web1',
        ends: [23],
        why: cutFromCatalog,
      },
      { kind: 'restore', client: 'web2', ends: [0] },
    ],
  },
  {
    name: 'it is cut until the master gives up',
    fault: { network: { silent: [['media1', 'backup1']] } },
    withinMs: mediaServerGoneMs,
    jobs: [
      { kind: 'backup', client: 'web1', ends: [811], why: /media server media1 can't be reached/ },
      { kind: 'restore', client: 'web2', ends: [2826], why: /media server media1 can't be reached/ },
    ],
  },
  {
    name: 'the media server is stopped for longer than the silence that is allowed, and goes on',
    fault: { stopped: ['media1'] },
    forMs: silenceMs * 1.5,
    withinMs: 10_000,
    jobs: [
      // The client's word of why may be lost with the connection that it cut.
      {
        kind: 'backup',
        client: 'web1',
        ends: [23],
        why: /heard nothing of media1|connection to web1 failed|web1 closed/,
      },
      {
        kind: 'restore',
        client: 'web2',
        ends: [23],
        why: /heard nothing of media1|connection to web2 failed|web2 closed/,
      },
    ],
  },
  {
    name: 'the master is stopped for longer than the silence that is allowed, and goes on',
    fault: { stopped: ['backup1'] },
    forMs: silenceMs * 1.5,
    withinMs: 10_000,
    jobs: [
      {
        kind: 'backup',
        client: 'web1',
        ends: [23],
        why: cutFromCatalog,
      },
      { kind: 'restore', client: 'web2', ends: [0] },
    ],
  },
  {
    name: 'of a hundred packets three vanish',
    fault: { network: { lostPercent: 3 } },
    withinMs: 60_000,
    jobs: [
      { kind: 'backup', client: 'web1', ends: [0] },
      { kind: 'restore', client: 'web2', ends: [0] },
    ],
  },
]

t.test('faults of the network, each with jobs under way', { skip: why ?? false }, async (t) => {
  t.comment(`seed ${seed}, ${rounds} of each; NB_LONG=1 for 5, NB_SEED for other moments`)
  const beat = ['--heartbeat', String(told.heartbeat)]
  const clients = ['web1', 'web2', 'web3', 'web4']
  const site = await createNetworkSite({
    backup1: {
      role: 'master-server',
      options: [...beat, '--media-server-timeout', String(told.mediaServer)],
    },
    media1: { role: 'media-server', options: [...beat, '--client-timeout', String(told.client)] },
    ...Object.fromEntries(clients.map((client) => [client, { role: 'client', options: beat }] as const)),
  })
  t.teardown(site.network.remove)
  for (const client of clients) await giveSource(site, client)
  const ports = await connect({ socketPath: join(site.stateOf('backup1'), 'nb.sock') })
  const random = seededRandom(seed)
  for (const round of list)
    await t.test(round.name, async (t) => {
      for (let played = 0; played < rounds; played++)
        await playRound(t, site, ports, round, Math.floor(random() * 1000))
    })
  for (const host of ['backup1', 'media1', ...clients])
    t.equal(otherThanMasterAway(site.saidBy(host)), '', `${host} said nothing else is wrong`)
  ports.close()
})
