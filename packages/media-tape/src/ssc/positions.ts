import type { SpaceRequest, SpaceResult } from '@nb/contracts'
import { NbError } from '@nb/contracts'
import { buildCdb } from '../scsi/cdb.ts'
import type { DriveSession, Place } from './drive-session.ts'

/** How far spacing got, and where the drive stands then. */
export interface Spaced {
  readonly passed: number
  readonly stoppedBy?: NonNullable<SpaceResult['stoppedBy']>
  readonly place: Place
}

/** How a drive is brought to a place, and how it's known to stand there. */
export interface Positions {
  /**
   * Makes sure, after a reset, that the volume is the one that was loaded. Rejects with `drive-not-ready` where that is not so, or
   * can't be known.
   */
  sameVolume(): Promise<void>
  /** Where the drive stands; moves it where there is no other way to know: to `expected`, or as far as there is something. */
  find(expected: Place): Promise<Place>
  /** Stands before an object. Beyond the end of data it stands there, and rejects with `media-position-failed`. */
  goTo(object: number): Promise<Place>
  space(from: Place, request: SpaceRequest): Promise<Spaced>
}

/** To the beginning of the tape. */
export async function rewind(session: DriveSession): Promise<Place> {
  const ended = await session.motion(
    { cdb: buildCdb('rewind'), timeoutMs: session.times.rewindMs },
    'position',
  )
  if (!ended.good && ended.meaning !== 'recovered') throw await session.failure(ended, 'position')
  return { object: 0, file: 0 }
}

/** The error for a place behind everything that is recorded; the drive stands at the end of data. */
export function beyondEnd(session: DriveSession, object: number, end: number): NbError {
  return new NbError(
    'media-position-failed',
    `drive ${session.name}: object ${object} is beyond the end of data (${end})`,
    { retryable: false, details: { drive: session.name, object: end, asked: object } },
  )
}
