import {
  type CallOptions,
  type Clock,
  type Logger,
  NbError,
  SerialQueue,
  type TapeDrive,
} from '@nb/contracts'
import { connectionLostStatus, isConnectionLost } from '../ssc/connection-lost.ts'

/** How long is waited before each try to go on, milliseconds: 30 s in all. */
const pausesMs = [0, 250, 750, 2000, 4000, 8000, 15_000]

/** What a drive whose connection may be lost is used with. */
export interface ReconnectingDriveParts {
  readonly clock: Clock
  /** Hears of each loss. */
  readonly logger: Logger
}

/**
 * A drive that goes on when its connection was lost and made again within 30 s, for a volume that nobody else moves.
 *
 * What reads or moves goes back to where the command began, and runs again. What writes goes on only where the drive says that it stands before
 * what was to be written, or behind it, has made durable all it was given, and still stands there: then that is written again, or was written; a
 * block that was is read back and compared. Where that is not so the command ends with the loss.
 */
export function reconnectingDrive(drive: TapeDrive, { clock, logger }: ReconnectingDriveParts): TapeDrive {
  const commands = new SerialQueue()
  /** Where the drive stood after the last command; `undefined` where that is not known. */
  let at: number | undefined

  const placed = <
    Result extends { readonly object: number } | { readonly position: { readonly object: number } },
  >(
    run: () => Promise<Result>,
    goOn: (from: number | undefined, lost: NbError) => Promise<Result>,
    options?: CallOptions,
  ): Promise<Result> =>
    commands.run(async () => {
      const from = at
      at = undefined
      const result = await lasting(run, (lost) => goOn(from, lost), options)
      at = 'position' in result ? result.position.object : result.object
      return result
    })

  async function lasting<Result>(
    run: () => Promise<Result>,
    goOn: (lost: NbError) => Promise<Result>,
    options: CallOptions | undefined,
  ): Promise<Result> {
    let lost: NbError | undefined
    for (let tries = 0; ; tries++) {
      try {
        return await (lost === undefined ? run() : goOn(lost))
      } catch (error) {
        if (error === lost || !(error instanceof NbError) || !isConnectionLost(error)) throw error
        lost ??= error
        const pauseMs = pausesMs[tries]
        if (pauseMs === undefined) throw gaveUp(lost, error)
        logger.error('%s: it is tried to go on in %d ms', error.message, pauseMs)
        if (pauseMs > 0) await clock.sleep(pauseMs, options)
      }
    }
  }

  /** Runs again what reads or moves, from where it began. */
  const fromThere = <Result>(run: () => Promise<Result>) => {
    return async (from: number | undefined, lost: NbError): Promise<Result> => {
      if (from === undefined) throw lost
      await drive.locate({ object: from })
      return run()
    }
  }

  /** Whether what was to write `objects` has done so; the drive stands accordingly, with all before that durable. */
  const wasWritten = async (from: number | undefined, objects: number, lost: NbError): Promise<boolean> => {
    if (from === undefined) throw lost
    const { object } = await drive.position()
    if (object !== from && object !== from + objects) throw lost
    const { written, position } = await drive.writeFilemarks({ count: 0 })
    if (!written || position.object !== object) throw lost
    if (object === from && objects > 0) await mustEndAt(from, lost)
    return object !== from
  }

  /** Goes to where the tape has to end, by reading: a drive that counts places may be wrong about what was written in the dark. */
  const mustEndAt = async (end: number, lost: NbError): Promise<void> => {
    if (end === 0) throw lost
    await drive.locate({ object: end - 1 })
    const target = Buffer.allocUnsafe(1)
    const before = await drive.readBlock({ target })
    const behind = await drive.readBlock({ target })
    const isEnd = before.position.object === end && behind.kind === 'end-of-data'
    if (!isEnd || behind.position.object !== end) throw lost
  }

  return {
    name: drive.name,
    encryption: drive.encryption,
    status: (options) => drive.status(options),
    load: (options) =>
      placed(
        () => drive.load(options),
        fromThere(() => drive.load(options)),
        options,
      ),
    unload: (options) => {
      at = undefined
      return drive.unload(options)
    },
    position: (options) =>
      placed(
        () => drive.position(options),
        () => drive.position(options),
        options,
      ),
    rewind: (options) =>
      placed(
        () => drive.rewind(options),
        () => drive.rewind(options),
        options,
      ),
    locate: (input, options) =>
      placed(
        () => drive.locate(input, options),
        () => drive.locate(input, options),
        options,
      ),
    space: (input, options) => {
      const run = () => drive.space(input, options)
      return placed(run, fromThere(run), options)
    },
    readBlock: (input, options) => {
      const run = () => drive.readBlock(input, options)
      return placed(run, fromThere(run), options)
    },
    writeBlock: ({ data }, options) => {
      const run = () => drive.writeBlock({ data }, options)
      const goOn = async (from: number | undefined, lost: NbError) => {
        if (!(await wasWritten(from, 1, lost))) return run()
        await drive.locate({ object: from as number })
        const target = Buffer.allocUnsafe(data.length)
        const read = await drive.readBlock({ target })
        const isIt = read.kind === 'block' && read.blockBytes === data.length && target.equals(data)
        if (!isIt || read.position.object !== (from as number) + 1) throw lost
        return { written: true as const, position: read.position }
      }
      return placed(run, goOn, options)
    },
    writeFilemarks: (input, options) => {
      const run = () => drive.writeFilemarks(input, options)
      const goOn = async (from: number | undefined, lost: NbError) => {
        if (!(await wasWritten(from, input.count, lost))) return run()
        return { written: true as const, position: await drive.position() }
      }
      return placed(run, goOn, options)
    },
  }
}

/** The loss of a connection that did not come back. */
function gaveUp(lost: NbError, last: Error): NbError {
  const why = last.message === lost.message ? '' : `: ${last.message}`
  return new NbError(lost.code, `${lost.message}; it did not come back within 30 s${why}`, {
    cause: last,
    retryable: true,
    details: lost.details,
    status: connectionLostStatus,
  })
}
