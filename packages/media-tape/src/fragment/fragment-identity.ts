import { NbError } from '@nb/contracts'
import type { FormatError, LostStream } from '@nb/formats'

/** Which fragment a reader wants, and on which volume it is. */
export interface FragmentIdentity {
  readonly storageUnit: string
  readonly volumeId: string
  readonly backupId: string
  readonly copy: number
  readonly number: number
  /** Number of its tape file. */
  readonly file: number
}

/** What of a payload can't be read. */
export interface LostPart extends LostStream {
  /** The block of the payload. */
  readonly block?: number
}

/** The error of a damaged fragment; `part` where only a part of the payload is concerned. */
export function corruptFragment(identity: FragmentIdentity, error: FormatError, part?: LostPart): NbError {
  if (error.code === 'COMPRESSION_UNSUPPORTED')
    return new NbError('not-supported', error.message, { cause: error })
  const { storageUnit, volumeId, backupId, copy, number, file } = identity
  const where = part?.block === undefined ? '' : `, block ${part.block}`
  return new NbError(
    'fragment-corrupt',
    `Fragment ${number} of copy ${copy} of image ${backupId}${where} is damaged (file ${file} of volume ${volumeId}): ${error.message}`,
    {
      cause: error,
      details: {
        ...{ storageUnit, volumeId, backupId, copy, fragment: number, file },
        ...{ format: error.code, ...part },
      },
    },
  )
}

/** The error of a drive, told which fragment it is of; `part` where only a part of the payload is lost by it. */
export function notRead(identity: FragmentIdentity, error: NbError, part?: LostPart): NbError {
  const { code, message, status, retryable, details } = error
  const { backupId, copy, number, file, volumeId } = identity
  const where = part?.block === undefined ? '' : `, block ${part.block}`
  return new NbError(
    code,
    `Fragment ${number} of copy ${copy} of image ${backupId}${where} could not be read (file ${file} of volume ${volumeId}): ${message}`,
    {
      cause: error,
      status,
      retryable,
      details: { ...details, volumeId, backupId, copy, fragment: number, file, ...part },
    },
  )
}

/** The same error, told what else of the payload is lost by it. */
export function losing(error: NbError, part: LostPart): NbError {
  const { code, message, status, retryable, details } = error
  return new NbError(code, message, { cause: error, status, retryable, details: { ...details, ...part } })
}
