import { type CallOptions, NbError, type TapeDrive } from '@nb/contracts'
import {
  FIRST_FRAGMENT_FILE,
  encodeTapeEnd,
  encodeTapeLabel,
  encodeTapeReadme,
  encodeTapeVolume,
  type TapeVolume,
} from '@nb/formats'
import { readTapeLabel } from './read-label.ts'

/**
 * Labels the tape in a drive: label and self-description, the text how to read it, and an end behind which nothing is. All that was on it is
 * gone. Whatever `keyLabel` says, this is written in clear where no key is set. What was written is read back before it resolves. Rejects with `media-write-protected`, `media-write-failed`, `media-end` for a tape
 * too short for a label, and with `media-open-failed` where something else is read back.
 */
export async function writeTapeLabel(
  drive: TapeDrive,
  volume: TapeVolume,
  options?: CallOptions,
): Promise<void> {
  const { created, generation, volume: volumeId, keyLabel } = volume
  await drive.rewind(options)
  await writeFile(drive, [encodeTapeLabel(volumeId), encodeTapeVolume(volume)], volumeId)
  await writeFile(drive, [encodeTapeReadme(created, keyLabel)], volumeId)
  const end = { volume: volumeId, generation, file: FIRST_FRAGMENT_FILE, fragments: 0, full: false, created }
  await writeFile(drive, [encodeTapeEnd(end)], volumeId, 2)
  const found = await readTapeLabel(drive)
  if (found.kind === 'nb' && found.volume.volume === volumeId && found.volume.generation === generation)
    return
  throw new NbError(
    'media-open-failed',
    `Volume ${volumeId} was labelled in drive ${drive.name}, and another label is read back: it is not to be used before a person has looked.`,
    { retryable: false, details: { volumeId, drive: drive.name, found: found.kind } },
  )
}

/** Once begun it runs to its end: half a label would be worse than either. */
async function writeFile(
  drive: TapeDrive,
  blocks: readonly Uint8Array[],
  volumeId: string,
  filemarks = 1,
): Promise<void> {
  for (const data of blocks)
    if (!(await drive.writeBlock({ data })).written) throw tooShort(volumeId, drive.name)
  if (!(await drive.writeFilemarks({ count: filemarks })).written) throw tooShort(volumeId, drive.name)
}

const tooShort = (volumeId: string, drive: string): NbError =>
  new NbError('media-end', `The tape of volume ${volumeId} in drive ${drive} is too short for its label.`, {
    retryable: false,
    details: { volumeId, drive },
  })
