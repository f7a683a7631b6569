import {
  type Logger,
  type MediaError,
  type MediaErrorVerdict,
  type MediaManager,
  NbError,
  type TapeDrive,
} from '@nb/contracts'
import { isConnectionLost } from '../ssc/connection-lost.ts'

/** Whom errors of a drive are told. */
export interface ErrorListener {
  readonly media: Pick<MediaManager, 'reportError'>
  readonly volumeId: string
  /** The drive as the media manager knows it. */
  readonly driveName: string
  readonly jobId: string
  readonly logger: Logger
  /** Hears what an error led to. */
  readonly onVerdict: (verdict: MediaErrorVerdict) => Promise<void>
}

/**
 * A drive whose errors are told to the media manager before they are thrown, which counts them and freezes volumes and takes drives down. An error
 * of a command whose end is not known, since its time was up, speaks against the drive alone. What is nobody's fault is not told: a connection that
 * was lost, or a refusal to write where the drive was moved.
 */
export function reportingDrive(drive: TapeDrive, listener: ErrorListener): TapeDrive {
  const told = async <Result>(kind: MediaError['kind'], command: Promise<Result>): Promise<Result> => {
    try {
      return await command
    } catch (error) {
      if (error instanceof NbError) await report(listener, kind, error)
      throw error
    }
  }
  return {
    name: drive.name,
    encryption: drive.encryption,
    status: (options) => drive.status(options),
    load: (options) => drive.load(options),
    unload: (options) => drive.unload(options),
    position: (options) => drive.position(options),
    rewind: (options) => told('position', drive.rewind(options)),
    locate: (input, options) => told('position', drive.locate(input, options)),
    space: (input, options) => told('position', drive.space(input, options)),
    writeBlock: (input, options) => told('write', drive.writeBlock(input, options)),
    writeFilemarks: (input, options) => told('write', drive.writeFilemarks(input, options)),
    readBlock: (input, options) => told('read', drive.readBlock(input, options)),
  }
}

const counted = new Set(['media-write-failed', 'media-read-failed', 'media-position-failed'])

async function report(listener: ErrorListener, kind: MediaError['kind'], error: NbError): Promise<void> {
  if (isConnectionLost(error)) return
  const isUnknown = error.details['meaning'] === 'end-unknown'
  if (!counted.has(error.code) || (!isUnknown && error.details['sense'] === undefined)) return
  const { media, volumeId, driveName, jobId, logger } = listener
  try {
    const verdict = await media.reportError({
      ...{ drive: driveName, kind, jobId },
      ...(isUnknown ? {} : { volumeId }),
    })
    if (verdict.action !== 'none') await listener.onVerdict(verdict)
  } catch (failure) {
    // The error of the drive is the one that has to be heard.
    logger.error('an error of drive %s is not reported: %o', driveName, failure)
  }
}
