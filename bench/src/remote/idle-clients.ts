import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchContext } from '../bench.ts'
import { leftovers } from '../leftovers/leftovers.ts'
import { nodeFlags } from '../own-run.ts'
import { residentBytesOf } from '../peers/process-usage.ts'
import type { Figure } from '../rows.ts'
import { RemoteSite } from './site.ts'

const program = fileURLToPath(new URL('./idle-clients-run.ts', import.meta.url))

/** How much a master may need for a client that does nothing. */
const mostKib = 256

/**
 * What a master needs for clients that do nothing, each enrolled and with an identity of its own, all in one process. They are what the
 * client program is: opened, renewed, connected once. Connected clients have their connection, and watching ones hold a stream open on it.
 */
export async function idleFigures(context: BenchContext): Promise<readonly Figure[]> {
  const { workDirectory, quick, tell } = context
  const count = quick ? 20 : 1000
  const site = await RemoteSite.start(join(workDirectory, 'site'), join(workDirectory, 'nothing'))
  const clients = leftovers.own(
    spawn(
      process.execPath,
      [...nodeFlags, ...process.execArgv, program, site.master, join(workDirectory, 'clients'), `${count}`],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    ),
  )
  const ended = once(clients, 'exit')
  const lines = createInterface({ input: clients.stdout })[Symbol.asyncIterator]()
  const ask = async (what: string): Promise<string> => {
    clients.stdin.write(`${what}\n`)
    const { value, done } = await lines.next()
    // Not its words: they are tokens.
    if (done === true)
      throw new Error(`the process of the clients ended while it was to ${what.split(' ', 1)[0]}`)
    return value
  }
  try {
    const tokens: string[] = []
    for (let number = 0; number < count; number++)
      tokens.push((await site.ports.hosts.createToken({ name: `idle${number}`, roles: ['client'] })).token)
    tell(`  ${await ask(`enrol ${tokens.join(' ')}`)}`)
    // What enrolling has left in its memory is not what clients need that do nothing.
    await site.restart()
    await site.ports.scheduler.getPolicy({ name: 'bench' })
    const resident = async (what: string): Promise<number> => {
      await sleep(quick ? 500 : 5000)
      const bytes = residentBytesOf(site.pids[0] ?? 0)
      tell(`  ${what}: ${(bytes / 1024 ** 2).toFixed(0)} MiB`)
      return bytes
    }
    const alone = await resident('master alone')
    tell(`  ${await ask('connect')}`)
    const connected = await resident(`${count} clients connected`)
    tell(`  ${await ask('watch')}`)
    const watching = await resident(`${count} clients watching`)
    const figures = (what: string, bytes: number): readonly Figure[] => [
      {
        ...{ case: `${count} clients ${what}`, metric: "master's memory a client" },
        ...{ value: (bytes - alone) / count / 1024, unit: 'KiB', goal: { of: 'value', atMost: mostKib } },
      },
      {
        ...{ case: `${count} clients ${what}`, metric: "master's memory" },
        ...{ value: bytes / 1024 ** 2, unit: 'MiB', peer: { name: 'with none', value: alone / 1024 ** 2 } },
      },
    ]
    return [...figures('connected', connected), ...figures('watching', watching)]
  } finally {
    clients.stdin.end()
    await ended
    await site.stop()
  }
}
