import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { runNb } from '@nb/cli'
import { systemClock } from '@nb/contracts'
import { serve } from '@nb/remote'
import type { BootedServer } from './boot.ts'

/** What a command printed. */
export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** An operator's terminal beside a server: the command `nb` on its socket. */
export interface Terminal {
  readonly nb: (...args: readonly string[]) => Promise<Ran>
  /** The values that a command prints as JSON. */
  readonly values: (...args: readonly string[]) => Promise<readonly unknown[]>
  /** Asks until what a command prints matches; gives it. */
  readonly until: (pattern: RegExp, ...args: readonly string[]) => Promise<string>
  readonly stop: () => Promise<void>
}

/** Serves a server's ports on the socket in its state folder. */
export async function terminalOf({ ports }: BootedServer, state: string): Promise<Terminal> {
  const { scheduler, jobs, catalog, broker, media, devices, restores } = ports
  const socketPath = join(state, 'nb.sock')
  const socket = await serve({ scheduler, jobs, catalog, broker, media, devices, restores }, { socketPath })
  const nb = async (...args: readonly string[]): Promise<Ran> => {
    const printed = { out: '', err: '' }
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    stdout.setEncoding('utf8').on('data', (text: string) => (printed.out += text))
    stderr.setEncoding('utf8').on('data', (text: string) => (printed.err += text))
    const code = await runNb(['--socket', socketPath, ...args], {
      env: {},
      cwd: state,
      stdout,
      stderr,
      clock: systemClock(),
      signal: new AbortController().signal,
    })
    return { code, ...printed }
  }
  return {
    nb,
    values: async (...args) => {
      const { out, err } = await nb(...args, '--json')
      if (err !== '') throw new Error(err)
      return out
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as unknown)
    },
    until: async (pattern, ...args) => {
      let last = await nb(...args)
      for (let turn = 0; turn < 2000 && !pattern.test(last.out); turn++) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        last = await nb(...args)
      }
      if (!pattern.test(last.out))
        throw new Error(`nb ${args.join(' ')} never printed ${String(pattern)}:\n${last.out}${last.err}`)
      return last.out
    },
    stop: () => socket.stop(),
  }
}
