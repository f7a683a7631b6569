import { join } from 'node:path'
import {
  type Lifecycle,
  NbError,
  asNbError,
  isAbortError,
  lifecycle,
  systemClock,
  systemFiles,
} from '@nb/contracts'
import { outliveReaders } from '@nb/cli'
import { remedyOfOwner } from '@nb/example-host-program'
import { addTapeKey, chapOption, checkTapeKeys, openTape } from '@nb/example-host-program/tape'
import { systemFolderLock } from '@nb/media-disk'
import { remedyOfLibrary } from '@nb/media-tape'
import { type PortServer, serve } from '@nb/remote'
import { recover } from '@nb/example-host-program/catalog-backup'
import { type AllInOne, composeAllInOne } from './compose.ts'
import { runMainJob, tellJobs } from './main-job.ts'
import { asDamaged, lossWarning, openDatabase } from '@nb/example-host-program/database'
import { type AllInOneOptions, checkPlaces, parseOptions } from './options.ts'
import { terminalScreen } from './show-job.ts'
import { stateWarnings } from './state-warnings.ts'

outliveReaders(process.stdout, process.stderr)
const options = parseOptions(process.argv.slice(2))
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // A terminal and npm may both deliver the same Ctrl-C: ending is asked for once, and goes on to its true end.
  process.on(signal, () => interrupted.abort(new DOMException(signal, 'AbortError')))
}
process.exitCode = await main(options, interrupted.signal)
// What could not be brought to its end in time (a disk that never answers) does not hold up the end of the process.
setTimeout(() => process.exit(), 5000).unref()

async function main(options: AllInOneOptions, interrupted: AbortSignal): Promise<number> {
  const screen = terminalScreen()
  // A server that can't write its database any more ends, as if it had crashed: a restart recovers.
  const failed = new AbortController()
  const signal = AbortSignal.any([interrupted, failed.signal])
  try {
    if (options.newTapeKey !== undefined) {
      await addTapeKey(options.newTapeKey, (text) => screen.line(text))
      return 0
    }
    if (options.recover !== undefined) return await recoverState(options, options.recover, screen)
    if (!options.serve) checkPlaces(options)
    const clock = systemClock()
    const { tape: tapeSettings } = options.settings
    if (tapeSettings?.keyFile !== undefined) await checkTapeKeys(tapeSettings.keyFile, warn)
    const tape = tapeSettings === undefined ? undefined : await openTape(tapeSettings, clock)
    const closeTape: Lifecycle = { stop: async () => await tape?.close() }
    const database = await openDatabase(options.state, {
      onFailure: (error) => failed.abort(error),
      onLoss: (bytes) => warn(lossWarning(bytes)),
    })
    const server = composeAllInOne({
      database,
      files: systemFiles(),
      clock,
      ...(tape === undefined ? {} : { tape }),
      imageDirectory: join(options.state, 'images'),
      diskDirectory: join(options.state, 'disk1'),
      diskLock: systemFolderLock,
      stateDirectory: options.state,
      maxFragmentBytes: options.maxFragmentBytes,
      settings: options.settings,
      readerReady: true,
      warn,
    })
    const socketPath = join(options.state, 'nb.sock')
    const socket = socketService(server, socketPath)
    const all = lifecycle({ stop: () => database.close() }, closeTape, server, socket)
    await all.start()
    try {
      for (const warning of await stateWarnings(options.state, server)) warn(warning)
      screen.line(`nb: master, media server and client in process ${process.pid}, state in ${options.state}`)
      if (!options.serve) await runMainJob(server, options, screen, signal)
      if (options.once) return 0
      screen.line(`\nthe server stays up and runs its schedules; its socket is ${socketPath}; Ctrl-C ends it`)
      screen.line(`in another terminal: npx nb --state ${options.state} jobs`)
      await Promise.all([tellJobs(server.ports.jobs, screen, signal), aborted(signal)])
      failed.signal.throwIfAborted()
      return 0
    } finally {
      await all.stop().catch((error: unknown) => {
        failed.signal.throwIfAborted()
        throw error
      })
    }
  } catch (error) {
    return explain(asDamaged(options.state, error) ?? error, signal, options)
  }
}

async function recoverState(
  { state, recoverFrom }: AllInOneOptions,
  recoveryFile: string,
  screen: ReturnType<typeof terminalScreen>,
): Promise<number> {
  const unit = recoverFrom === undefined ? {} : { unitFolder: recoverFrom }
  const { writtenAt, storageUnit, unitFolder } = await recover({ recoveryFile, state, ...unit })
  screen.line(
    `nb: ${state} is as the catalog backup of ${writtenAt} has it; storage unit ${storageUnit} is in ${recoverFrom ?? unitFolder}`,
  )
  screen.line('start the server on it with the options it had: npm start -- --serve --state DIR …')
  return 0
}

function socketService(server: AllInOne, socketPath: string): Lifecycle {
  const { scheduler, jobs, catalog, broker, media, devices, restores } = server.ports
  let listening: PortServer | undefined
  return {
    start: async () => {
      listening = await serve({ scheduler, jobs, catalog, broker, media, devices, restores }, { socketPath })
    },
    stop: async () => await listening?.stop(),
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    // A pending timer keeps the process alive until then.
    const alive = setInterval(() => {}, 2 ** 30)
    signal.addEventListener('abort', () => {
      clearInterval(alive)
      resolve()
    })
  })
}

function warn(text: string): void {
  process.stderr.write(`warning: ${text}\n`)
}

function explain(error: unknown, signal: AbortSignal, { recover, settings }: AllInOneOptions): number {
  if (signal.aborted && isAbortError(error)) {
    process.stderr.write(
      '\ninterrupted: running jobs were ended; no half-written image or file was left (a target may hold what was restored so far)\n',
    )
    return 130
  }
  const known = asNbError(error)
  // What is damaged, and what stands in the way of a recovery, is told with its own remedy.
  const ownRemedy = known.code === 'store-corrupt' || (recover !== undefined && error instanceof NbError)
  const { access } = settings.tape ?? {}
  const ofLibrary = access === undefined ? known.remedy : remedyOfLibrary(known, { ...access, chapOption })
  const remedy = remedyOfOwner(known) ?? ofLibrary
  process.stderr.write(`\nstatus ${known.status}: ${known.message}\n${ownRemedy ? '' : `${remedy}\n`}`)
  if (!(error instanceof NbError) && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
  return 1
}
