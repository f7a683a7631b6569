import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Clock, isAbortError } from '@nb/contracts'
import { type Command, CommanderError } from 'commander'
import { type ExitCode, UsageError } from './exit-code.ts'
import { tellFailure, usageText } from './failure.ts'
import { isBrokenPipe, outliveReaders } from './outlive-readers.ts'
import { createOutput, type Output, type OutputStream } from './output.ts'
import { asMeant } from './other-spellings.ts'
import { typedName } from './typed-name.ts'
import { createProgram, type GlobalOptions } from './program.ts'
import { connectTo, serverOf } from './server-place.ts'

/** How long a word that is being typed waits for the server, milliseconds. */
const completionPatienceMs = 1500

/** What a run of the command has of its process. */
export interface NbComponents {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly clock: Clock
  /** Aborts when the person wants it to end. */
  readonly signal: AbortSignal
}

/**
 * Runs one command line, `args` without program names, and gives its exit code. Everything that goes wrong is told on
 * standard error, with the status, its meaning and the remedy; it does not reject.
 */
export async function runNb(args: readonly string[], components: NbComponents): Promise<ExitCode> {
  const { env, cwd, stdout, stderr, clock, signal } = components
  const reader = new AbortController()
  // Whoever reads the output may leave before its end (nb list | head); that is no failure.
  const leave = (error: Error): void => {
    if (isBrokenPipe(error)) reader.abort()
    else throw error
  }
  stdout.on('error', leave)
  const outputFor = ({ json = false }: GlobalOptions): ReturnType<typeof createOutput> =>
    createOutput(
      { stdout, stderr, ...saidColumns(env), now: () => clock.now() },
      { json, typedName: (field) => (ran === undefined ? undefined : typedName(ran, field)) },
    )
  let ran: Command | undefined
  let exitCode: ExitCode = 0
  const guarded = async (
    act: (output: Output) => Promise<ExitCode>,
    options: GlobalOptions,
  ): Promise<void> => {
    const output = outputFor(options)
    try {
      exitCode = await act(output)
    } catch (error) {
      const hasLeft = reader.signal.aborted && (isAbortError(error) || isBrokenPipe(error))
      exitCode = hasLeft ? 0 : tellFailure(error, output)
    }
  }
  const program = createProgram({
    cwd,
    env,
    version: packageVersion(),
    runAlone: guarded,
    askQuietly: async (options, ask) => {
      const soon = AbortSignal.any([signal, AbortSignal.timeout(completionPatienceMs)])
      try {
        const connection = await connectTo(serverOf(options, env, cwd), {
          clock,
          signal: soon,
          warn: () => undefined,
        })
        try {
          return await ask(connection, { signal: soon })
        } finally {
          connection.close()
        }
      } catch {
        // A person who types on is not told.
        return undefined
      }
    },
    run: (action, options) =>
      guarded(async (output) => {
        const either = AbortSignal.any([signal, reader.signal])
        const connection = await connectTo(serverOf(options, env, cwd), {
          clock,
          signal: either,
          warn: output.note,
        }).catch((error: unknown) => {
          throw missingState(options, cwd, ran) ?? error
        })
        try {
          return await action(connection, output, { signal: either })
        } finally {
          connection.close()
        }
      }, options),
  })
  program.hook('preAction', (_program, command) => void (ran = command))
  const isJson = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length).includes('--json')
  configure(program, { stdout, stderr, isJson })
  try {
    await program.parseAsync(asMeant(program, args), { from: 'user' })
  } catch (error) {
    // Commander has told its own errors, and those of arguments; what an action throws nobody has told yet.
    if (error instanceof CommanderError && !(error instanceof UsageError))
      exitCode = error.exitCode === 0 ? 0 : 2
    else exitCode = tellFailure(error, outputFor(program.opts()))
  } finally {
    stdout.off('error', leave)
  }
  return exitCode
}

/** What a person says of a terminal that nb does not see, as through a pager (POSIX, COLUMNS). */
function saidColumns({ COLUMNS }: NbComponents['env']): { readonly columns?: number } {
  const columns = Number(COLUMNS)
  return Number.isInteger(columns) && columns > 0 ? { columns } : {}
}

/** Where nobody answers because `--state` names no folder: mostly a filter by the state of jobs or volumes was meant. */
function missingState(
  { socket, state }: GlobalOptions,
  cwd: string,
  command: Command | undefined,
): UsageError | undefined {
  if (socket !== undefined || state === undefined || existsSync(resolve(cwd, state))) return undefined
  const filters = command?.options.some(({ long }) => long === '--state-is') === true
  const meant = filters ? `; to list only ${command.name()} in a state, say --state-is ${state}` : ''
  return new UsageError(`--state names the server's state folder, and there is no folder ${state}${meant}`)
}

/** Every command, however deep, ends by an error and prints where this run prints; with `--json` a mistake is told as JSON, and without help. */
function configure(
  command: Command,
  { stdout, stderr, isJson }: Pick<NbComponents, 'stdout' | 'stderr'> & { readonly isJson: boolean },
): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => stdout.write(text),
    writeErr: (text) => stderr.write(text),
    outputError: (text, write) => {
      const said = text.replace(/^error:/, 'nb:')
      write(isJson ? `${usageText(said.replace(/^nb: /, '').trimEnd(), true)}\n` : said)
    },
  })
  if (isJson) {
    command.showHelpAfterError(false)
    // Where a command below it is wanted and none is said; help that is asked for is text.
    const help = command.help.bind(command)
    command.help = ((context?: { readonly error: boolean }) =>
      context?.error === true
        ? command.error(`error: say which command: ${command.commands.map((one) => one.name()).join(', ')}`)
        : help()) as typeof command.help
  }
  for (const one of command.commands) configure(one, { stdout, stderr, isJson })
}

/** The version of this package; its package.json lies above `src` and `dist` alike. */
function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}

/** Runs the command line of this process, and sets its exit code. Ctrl-C and SIGTERM end it in order. */
export async function runProcess(clock: Clock): Promise<void> {
  const controller = new AbortController()
  const stop = (): void => controller.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const { env, stdout, stderr } = process
  outliveReaders(stdout, stderr)
  process.exitCode = await runNb(process.argv.slice(2), {
    env,
    cwd: process.cwd(),
    stdout,
    stderr,
    clock,
    signal: controller.signal,
  })
}
