import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { connect as tlsConnect, type TLSSocket } from 'node:tls'
import { freePort } from '@nb/test-kit'
import { type Connection, connect, type HostIdentity } from '../../src/index.ts'
import { held, type TestAuthority, testAuthority } from '../support/identities.ts'
import type { Answer, Told } from './server-child.ts'

/** A server in a process of its own, an administrator who works with it, and what an enemy has. */
export interface Attacked {
  readonly port: number
  readonly authority: TestAuthority
  /** A client's, which is in an enemy's hands. */
  readonly enemy: HostIdentity
  /** Those of a media server and of an administrator, which are too. */
  readonly enemies: { readonly mediaServer: HostIdentity; readonly administrator: HostIdentity }
  /** The administrator's calls, who works here all the time. */
  readonly honest: Connection
  readonly tell: (told: Told) => Promise<Answer>
  /** The most memory that it ever had, bytes. */
  readonly peak: () => number
  /** Whether it still runs. */
  readonly lives: () => boolean
  /** How an administrator fared, who works here all the time, since this was asked last. */
  readonly honestWork: () => HonestWork
  /** A connection that has said nothing. */
  readonly plain: () => Socket
  /** A connection after its handshake; without an identity that of nobody. Comes from 127.0.0.1 unless told otherwise. */
  readonly secure: (identity?: HostIdentity, protocol?: string, localAddress?: string) => Promise<TLSSocket>
  /** Cuts all connections of the enemy. */
  readonly leave: () => void
  readonly end: () => Promise<void>
}

/** How somebody fared who has nothing to do with an attack. */
export interface HonestWork {
  /** Calls that were answered, each over a connection of its own and over one that is kept. */
  readonly done: number
  /** The longest that one took with all its tries, milliseconds; of one under way, how long it has taken by now. */
  readonly slowestMs: number
  /** Why tries failed, each with how often. */
  readonly failures: Readonly<Record<string, number>>
}

const host = '127.0.0.1'

/** Starts one. */
export async function attacked(): Promise<Attacked> {
  const authority = await testAuthority()
  const child = fork(new URL('server-child.ts', import.meta.url), {
    execArgv: ['--conditions=@nb/source', '--no-warnings', '--expose-gc'],
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  const port = await freePort()
  const tell = telling(child)
  await tell({ identity: await authority.identity('master1', ['master']), port })
  const ann = held(await authority.identity('ann', ['administrator']))
  const enemy = held(await authority.identity('web1', ['client']))
  const enemies = {
    mediaServer: held(await authority.identity('media9', ['media-server'])),
    administrator: held(await authority.identity('eve', ['administrator'])),
  }
  const honest: Connection = await connect({ address: `${host}:${port}`, identity: ann })
  const work = async (): Promise<void> => {
    await honest.scheduler.getPolicy({ name: 'nightly' })
    // Each has a connection of its own, as that of a host that comes.
    const fresh = await connect({ address: `${host}:${port}`, identity: ann })
    fresh.close()
  }
  let done = 0
  let slowest = 0
  let failures = new Map<string, number>()
  let began = performance.now()
  let isOver = false
  const working = (async () => {
    while (!isOver) {
      try {
        await work()
        done += 1
        slowest = Math.max(slowest, performance.now() - began)
        began = Number.NaN
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        failures.set(why, (failures.get(why) ?? 0) + 1)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
      // One that failed is tried again, and is one wait.
      if (Number.isNaN(began)) began = performance.now()
    }
  })()
  const sockets = new Set<Socket>()
  const kept = <Kind extends Socket>(socket: Kind): Kind => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  return {
    ...{ port, authority, enemy, enemies, honest, tell },
    peak: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024
    },
    lives: () => child.exitCode === null && child.signalCode === null,
    honestWork: () => {
      const waiting = Number.isNaN(began) ? 0 : performance.now() - began
      const fared = { done, slowestMs: Math.max(slowest, waiting), failures: Object.fromEntries(failures) }
      done = slowest = 0
      failures = new Map()
      return fared
    },
    plain: () => kept(createConnection(port, host)),
    secure: async (identity, protocol = 'http/1.1', localAddress = host) => {
      const { certificate: cert, privateKey: key } = identity?.current() ?? {}
      const shown = cert === undefined || key === undefined ? {} : { cert, key }
      const options = {
        host,
        port,
        localAddress,
        rejectUnauthorized: false,
        ALPNProtocols: [protocol],
        ...shown,
      }
      const socket = kept(tlsConnect(options))
      await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')])
      return socket
    },
    leave: () => {
      for (const socket of sockets) socket.destroy()
    },
    end: async () => {
      isOver = true
      try {
        await working
      } finally {
        honest.close()
        for (const socket of sockets) socket.destroy()
        child.kill('SIGKILL')
        if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
      }
    },
  }
}

/** Asks one thing after another. */
function telling(child: ChildProcess): (told: Told) => Promise<Answer> {
  let last: Promise<unknown> = Promise.resolve()
  return (told) => {
    const answer = last.then(async () => {
      const answered = once(child, 'message')
      child.send(told)
      const [text] = (await answered) as [Answer]
      return text
    })
    last = answer
    return answer
  }
}
