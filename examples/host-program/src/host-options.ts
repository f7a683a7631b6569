import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { defaultPort } from '@nb/remote'
import { Command, InvalidArgumentError } from 'commander'
import { exitCodes } from './exit-codes.ts'

/** What each program is told. Paths are absolute. */
export interface HostOptions<More = undefined> {
  /** Its name in policies, storage units and its certificate. */
  readonly name: string
  /** Where others reach it, `host:port`. */
  readonly address: string
  /** The TCP port to listen on. */
  readonly port: number
  /** The folder of all its state. */
  readonly state: string
  /** The master's address; not on the master. */
  readonly master: string
  /** How often it says that it is alive, and asks others whether they are, milliseconds; after five times that without a word they are taken as gone. */
  readonly heartbeatMs: number
  /** Whether data are compressed on their way, where it opens the way: a client does for its backups and restores. */
  readonly compress: boolean
  /** What {@link HostProgram.read} gave. */
  readonly more: More
}

/** A program of a host. */
export interface HostProgram<More = undefined> {
  readonly name: string
  readonly description: string
  /** Whether it is told where the master is. */
  readonly needsMaster: boolean
  /** Adds options of its own. @default none */
  readonly options?: (program: Command) => void
  /** Reads those; what makes no sense together ends the program by its `error`. @default there are none */
  readonly read?: (program: Command) => More
  readonly examples: string
}

/** Reads the command line; wrong usage ends the process with 2 after a clear message, `--help` with 0. */
export function parseHostOptions<More = undefined>(
  argv: readonly string[],
  what: HostProgram<More>,
): HostOptions<More> {
  const program = new Command(what.name)
    .description(what.description)
    .requiredOption('--state <DIR>', 'where all its state lives; never backed up')
    .option('--name <NAME>', 'its name, as policies and certificates have it', hostname().split('.')[0])
    .option('--address <HOST[:PORT]>', 'where other hosts reach it', `${hostname()}:${defaultPort}`)
    .option('--port <PORT>', 'the TCP port it listens on, where it is not that of the address')
    .option(
      '--heartbeat <SECONDS>',
      'how often hosts say that they are alive; after five times that without a word one is taken as gone; the same on all',
      seconds,
      10,
    )
    .option('--compress', 'compress data on their way: for a host behind a slow network', false)
  if (what.needsMaster) program.requiredOption('--master <HOST[:PORT]>', 'where the master server is')
  what.options?.(program)
  program
    .addHelpText('after', `\n${what.examples}\n\n${exitCodes}`)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse(argv, { from: 'user' })
  const { state, name, address, port, master, heartbeat, compress } = program.opts<Told>()
  const whole = /:\d+$/.test(address) ? address : `${address}:${defaultPort}`
  const listenOn = Number(port ?? whole.slice(whole.lastIndexOf(':') + 1))
  if (!(Number.isInteger(listenOn) && listenOn >= 1 && listenOn <= 65_535))
    program.error(`error: --port must be 1 to 65535, not ${port}`, { exitCode: 2 })
  return {
    ...{ name, address: whole, port: listenOn, state: resolve(state), master: master ?? whole },
    heartbeatMs: heartbeat * 1000,
    compress,
    more: what.read?.(program) as More,
  }
}

/** What commander reads of all programs. */
interface Told {
  readonly state: string
  readonly name: string
  readonly address: string
  readonly port?: string
  readonly master?: string
  readonly compress: boolean
  readonly heartbeat: number
}

/** Reads a time of an option: seconds, from 0.1 to an hour. */
export function seconds(text: string): number {
  const value = Number(text)
  if (value >= 0.1 && value <= 3600) return value
  throw new InvalidArgumentError('It is a number of seconds, 0.1 to 3600.')
}
