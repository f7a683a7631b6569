// A master's port, in a process of its own whose memory can be told from that of who attacks it. Is told its identity, tells its port; then answers each
// message with what it takes up.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { systemClock } from '@nb/contracts'
import { createPowerLossStorage } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import {
  createAccessControl,
  createAuditLog,
  createIdentityDirectory,
  createTlsChannels,
  type IdentityMaterial,
  openAuthority,
  serve,
} from '../../src/index.ts'
import { createMemoryJobs } from '../ports/memory-jobs.ts'
import { createMemoryScheduler } from '../ports/memory-scheduler.ts'
import { held } from '../support/identities.ts'

/** What the child is told. */
export type Told =
  { readonly identity: IdentityMaterial; readonly port: number } | 'begin' | 'measure' | 'ticket'

/** What it answers. */
export interface Answer {
  readonly rss: number
  readonly heap: number
  /** Entries in the audit log. */
  readonly audited: number
  /** The longest that the event loop was kept by one turn since it was told to begin, milliseconds. */
  readonly longestTurnMs: number
  /** Streams of jobs that run. */
  readonly watching: number
  /** Of a data channel whose bytes nobody reads. */
  readonly token?: string
}

const clock = systemClock()
const turns = monitorEventLoopDelay()
turns.enable()
const audit = createAuditLog({ store: new MemoryLevel(), clock })
await audit.start()
const jobs = createMemoryJobs()
let listen: (() => Promise<string>) | undefined

process.on('message', (told: Told) => {
  void (async () => {
    if (typeof told === 'object') await start(told)
    const token = told === 'ticket' ? await listen?.() : undefined
    const longestTurnMs = Math.round(turns.max / 1e6)
    if (told === 'begin') turns.reset()
    if (told === 'measure') globalThis.gc?.()
    let audited = 0
    for await (const _ of audit.list({})) audited += 1
    const { rss, heapUsed: heap } = process.memoryUsage()
    const { watching } = jobs
    process.send?.({
      rss,
      heap,
      audited,
      longestTurnMs,
      watching,
      ...(token === undefined ? {} : { token }),
    } satisfies Answer)
  })()
})

async function start({ identity, port }: Exclude<Told, string>): Promise<void> {
  const own = held(identity)
  const channels = createTlsChannels(
    { identity: own, clock },
    { address: `127.0.0.1:${port}`, name: 'master1' },
  )
  const { files } = createPowerLossStorage()
  const authority = await openAuthority({ clock, directory: '/authority', files })
  const {
    hosts,
    enrolment,
    start: enter,
  } = createIdentityDirectory({ store: new MemoryLevel(), clock, authority })
  await enter()
  const ports = { jobs, scheduler: createMemoryScheduler(), hosts, enrolment }
  const access = createAccessControl({ clock, jobs, audit })
  await serve(ports, { port, host: '127.0.0.1', identity: own, access, channels })
  listen = async () => {
    const listener = await channels.listen()
    void listener.accept().catch(() => undefined)
    return listener.ticket.token
  }
}
