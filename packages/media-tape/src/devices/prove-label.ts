import { randomUUID } from 'node:crypto'
import { type Clock, type MediaManager, NbError, type TapeMountRequest, type Volume } from '@nb/contracts'
import { FIRST_FRAGMENT_FILE, type TapeContent } from '@nb/formats'
import { isEncryptedPool, keyForPool, setKeyOfVolume } from '../encryption/encrypt-volume.ts'
import type { TapeKeys } from '../encryption/tape-keys.ts'
import { describeContent, judgeLabel } from '../volume/judge-label.ts'
import { isNeverWritten, readTapeLabel } from '../volume/read-label.ts'
import { writeTapeLabel } from '../volume/write-label.ts'
import { isOfMedium } from '../ssc/of-medium.ts'
import type { DriveBay } from './drive-bay.ts'

interface LabelParts {
  readonly media: MediaManager
  readonly clock: Clock
  /** Keys of volumes that drives encrypt. @default there are none */
  readonly keys: TapeKeys | undefined
  /** Writes into the log of the job. @default nothing is written */
  readonly tell?: (text: string) => Promise<void>
  /** Has the robot look again where a tape is not the one that was asked for: whether it was wrong about what it put in. @default it was not */
  readonly wasMistaken?: (found: TapeContent) => Promise<boolean>
  /** Whether the robot may be wrong about what it put in. @default false */
  readonly isInDoubt?: boolean
}

/** Whether a tape can't be the volume: it has another label of ours, or none though the volume was labelled. */
function isAnother({ volumeId, generation }: Volume, found: TapeContent): boolean {
  if (found.kind === 'nb') return found.volume.volume !== volumeId
  return generation !== undefined && (found.kind === 'blank' || found.kind === 'foreign')
}

/** The robot has put in another cartridge than it said, and knows better now. */
export class WrongCartridge extends Error {}

/**
 * Makes certain that the tape in a drive is the volume, labels it where that is due, and sets its key where it has one; gives its generation. What
 * is not to be used freezes the volume where nobody may write to it before a person has looked. Before anything of an encrypted pool is written
 * it is known that the drive encrypts.
 */
export async function proveLabel(
  parts: LabelParts,
  bay: DriveBay,
  volume: Volume,
  request: TapeMountRequest,
): Promise<string> {
  const { volumeId } = volume
  const generation = await labelOf(parts, bay, volume, request)
  const keyLabel = bay.loaded?.keyLabel
  if (keyLabel === undefined) return generation
  await setKeyOfVolume(parts.keys, bay.drive, volumeId, keyLabel)
  await parts.tell?.(`drive ${bay.name} encrypts volume ${volumeId} with the key ${JSON.stringify(keyLabel)}`)
  return generation
}

async function labelOf(
  parts: LabelParts,
  bay: DriveBay,
  volume: Volume,
  { purpose, pool }: TapeMountRequest,
): Promise<string> {
  const { media } = parts
  const { volumeId } = volume
  const proven = bay.loaded?.generation
  const isToBeEncrypted = purpose === 'write' && isEncryptedPool(pool)
  const isRight = (keyLabel: string | undefined): boolean => !isToBeEncrypted || keyLabel !== undefined
  // With its last image the count of its files was forgotten: it is labelled anew then.
  const isExpired = volume.assignedAt === undefined && volume.files === undefined
  const isKnown = proven !== undefined && proven === volume.generation && isRight(bay.loaded?.keyLabel)
  if (isKnown && (purpose === 'read' || !isExpired)) return proven
  const found = await readTapeLabel(bay.drive)
  const verdict = judgeLabel(volume, found, purpose)
  if (verdict.do === 'refuse') {
    if (isAnother(volume, found) && (await parts.wasMistaken?.(found)) === true) throw new WrongCartridge()
    const text = `Volume ${volumeId} ${verdict.why}.`
    if (verdict.freeze) await freeze(media, volume, `${text} Found in drive ${bay.name}.`)
    throw new NbError('media-open-failed', text, {
      retryable: false,
      details: { volumeId, drive: bay.name, found: found.kind, frozen: verdict.freeze },
    })
  }
  if (verdict.do === 'label') {
    if (found.kind === 'blank' && parts.isInDoubt === true) throw notTrusted(bay, volumeId)
    if (verdict.ifEmpty === true && !(await isNeverWritten(bay.drive)))
      throw await unknownImages(media, bay, volume)
    return await label(parts, bay, volume, pool)
  }
  const { generation, keyLabel } = verdict
  if (!isRight(keyLabel)) {
    if (volume.assignedAt === undefined) return await label(parts, bay, volume, pool)
    throw await imagesInClear(media, bay, volume, pool)
  }
  // A label that is read and belongs to no image known here stays unknown: else its images would count as gone.
  if (volume.assignedAt !== undefined || volume.generation === generation)
    await media.recordLabel({ volumeId, generation, labelledAt: Date.parse(verdict.labelledAt) })
  bay.loaded = { volumeId, generation, ...(keyLabel === undefined ? {} : { keyLabel }) }
  return generation
}

/** Labels it because a person wants it. */
export async function relabel(
  parts: LabelParts,
  bay: DriveBay,
  volume: Volume,
  overwrite: boolean,
): Promise<string> {
  const found = await readTapeLabel(bay.drive)
  const verdict = judgeLabel(volume, found, 'write')
  const mayBeWanted = verdict.do === 'label' && verdict.ifEmpty === true && !(await isNeverWritten(bay.drive))
  const isHarmless = verdict.do !== 'refuse' && !mayBeWanted
  if (!isHarmless && !overwrite)
    throw new NbError(
      'state-conflict',
      `Volume ${volume.volumeId} ${describeContent(found)}: it is labelled only where overwriting is asked for.`,
      { details: { volumeId: volume.volumeId, found: found.kind } },
    )
  return await label(parts, bay, volume, volume.pool)
}

async function label(
  { media, clock, keys, tell }: LabelParts,
  bay: DriveBay,
  volume: Volume,
  pool: string,
): Promise<string> {
  const { volumeId, barcode } = volume
  const key = await keyForPool(keys, bay.drive, pool)
  key?.key.fill(0)
  const ofKey = key === undefined ? {} : { keyLabel: key.label }
  const generation = randomUUID()
  const labelledAt = clock.now()
  const created = new Date(labelledAt).toISOString()
  try {
    await writeTapeLabel(bay.drive, {
      volume: volumeId,
      generation,
      pool,
      created,
      ...(barcode === undefined ? {} : { barcode }),
      ...ofKey,
    })
  } catch (error) {
    // A drive that was reset, or is not to be reached, tells nothing of the volume.
    const isProtected = error instanceof NbError && error.code === 'media-write-protected'
    if (!isProtected && !isOfMedium(error)) throw error
    if (!isProtected) await media.reportError({ drive: bay.name, volumeId, kind: 'write' })
    const text = `Its label could not be written in drive ${bay.name}: ${error.message}`
    await freeze(media, volume, text)
    if (isProtected) throw error
    throw new NbError('media-open-failed', `Volume ${volumeId} can't be labelled. ${text}`, {
      retryable: false,
      details: { volumeId, drive: bay.name, frozen: true },
      cause: error,
    })
  }
  await media.recordLabel({ volumeId, generation, labelledAt })
  await media.recordVolumeFiles({ volumeId, generation, files: FIRST_FRAGMENT_FILE })
  bay.loaded = { volumeId, generation, ...ofKey }
  await tell?.(
    `volume ${volumeId} is labelled in drive ${bay.name} for pool ${pool}, generation ${generation}`,
  )
  return generation
}

/** Which of the blank cartridges it is only its barcode would tell. */
function notTrusted({ name }: DriveBay, volumeId: string): NbError {
  return new NbError(
    'media-open-failed',
    `Volume ${volumeId} is blank, and the barcodes of its robot are in doubt: update its inventory before it is labelled.`,
    { retryable: false, details: { volumeId, drive: name, found: 'blank', frozen: false } },
  )
}

/** A label of ours that nobody here knows, with something behind it. */
async function unknownImages(media: MediaManager, { name }: DriveBay, volume: Volume): Promise<NbError> {
  const { volumeId } = volume
  const text = `Volume ${volumeId} has a label of ours that is not known here, and images behind it: import them, or label it anew with overwriting asked for.`
  await freeze(media, volume, `${text} Found in drive ${name}.`)
  return new NbError('media-open-failed', text, {
    retryable: false,
    details: { volumeId, drive: name, found: 'nb', frozen: true },
  })
}

/** An encrypted pool has a volume whose images are in clear: what is appended would be in clear as well. */
async function imagesInClear(
  media: MediaManager,
  { name }: DriveBay,
  volume: Volume,
  pool: string,
): Promise<NbError> {
  const { volumeId } = volume
  const text = `Volume ${volumeId} was labelled without a key, and has images in clear: nothing is written to it for the encrypted pool ${pool}.`
  await freeze(media, volume, text)
  return new NbError('media-open-failed', text, {
    retryable: false,
    details: { volumeId, drive: name, pool, frozen: true },
  })
}

/** A volume that no job holds and that has no images can't be frozen; whoever reads it is told. */
async function freeze(media: MediaManager, { volumeId }: Volume, reason: string): Promise<void> {
  try {
    await media.setVolumeState({ volumeId, state: 'frozen', reason })
  } catch (error) {
    if (!(error instanceof NbError) || error.code !== 'state-conflict') throw error
  }
}
