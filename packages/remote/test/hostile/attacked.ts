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
  readonly tell: (told: Told) => Promise<Answer>
  /** The most memory that it ever had, bytes. */
  readonly peak: () => number
  /** Whether it still runs. */
  readonly lives: () => boolean
  /** The longest that a call of the administrator has taken since this was asked last, milliseconds; calls go on all the time. */
  readonly slowestCall: () => Promise<number>
  /** A connection that has said nothing. */
  readonly plain: () => Socket
  /** A connection after its handshake; without an identity that of nobody. */
  readonly secure: (identity?: HostIdentity, protocol?: string) => Promise<TLSSocket>
  /** Cuts all connections of the enemy. */
  readonly leave: () => void
  readonly end: () => Promise<void>
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
  const honest: Connection = await connect({ address: `${host}:${port}`, identity: ann })
  let slowest = 0
  let isOver = false
  const working = (async () => {
    while (!isOver) {
      const before = performance.now()
      await honest.scheduler.getPolicy({ name: 'nightly' })
      // Each has a connection of its own, as that of a host that comes.
      const fresh = await connect({ address: `${host}:${port}`, identity: ann })
      fresh.close()
      slowest = Math.max(slowest, performance.now() - before)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  working.catch(() => undefined)
  const sockets = new Set<Socket>()
  const kept = <Kind extends Socket>(socket: Kind): Kind => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  return {
    ...{ port, authority, enemy, tell },
    peak: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024
    },
    lives: () => child.exitCode === null && child.signalCode === null,
    slowestCall: async () => {
      const before = slowest
      slowest = 0
      // One that is under way now counts as well; one that failed is told.
      await Promise.race([working, new Promise((resolve) => setTimeout(resolve, 50))])
      return Math.max(before, slowest)
    },
    plain: () => kept(createConnection(port, host)),
    secure: async (identity, protocol = 'http/1.1') => {
      const { certificate: cert, privateKey: key } = identity?.current() ?? {}
      const shown = cert === undefined || key === undefined ? {} : { cert, key }
      const options = { host, port, rejectUnauthorized: false, ALPNProtocols: [protocol], ...shown }
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
