import { type ImageCompletion, type ImageCopy, type ImageRecord, NbError, counted } from '@nb/contracts'
import type { ListFacts } from './list-facts.ts'

/** Looks up an image that a list refers to. */
export type FindImage = (backupId: string) => Promise<ImageRecord | undefined>

/**
 * The images whose data a list refers to, the image itself left out. Each must be complete, of the same client, and
 * long enough for the positions in the list. Throws `image-inconsistent`.
 */
export async function neededImages(image: ImageRecord, facts: ListFacts, find: FindImage): Promise<string[]> {
  const { images, ends } = facts
  if (images[0] !== image.backupId) throw inconsistent(image, `its file list is the one of ${images[0]}`)
  if (new Set(images).size !== images.length) throw inconsistent(image, 'its file list names an image twice')
  const needed: string[] = []
  for (const [index, backupId] of images.entries()) {
    const end = ends[index]
    if (index === 0 || end === undefined) continue
    const other = await find(backupId)
    if (other?.state !== 'complete')
      throw inconsistent(
        image,
        `its file list needs data of ${backupId}, which is ${other?.state ?? 'not in the catalog'}`,
      )
    if (other.client !== image.client)
      throw inconsistent(image, `it refers to ${backupId}, of another client`)
    if (end > (other.counts?.streamBytes ?? 0))
      throw inconsistent(image, `its file list points beyond the end of ${backupId}`)
    needed.push(backupId)
  }
  return needed
}

/** Checks what the session told against what the list holds. Throws `image-inconsistent`, `file-list-corrupt`. */
export function checkAgainstList(image: ImageRecord, completion: ImageCompletion, facts: ListFacts): void {
  const { counts, fileList, copies } = completion
  checkListTotals(image.backupId, fileList, facts.totals)
  const differences = [
    compare('entries', counts.entries, facts.totals.entries, facts.totals.entries),
    compare('entries with data', counts.storedEntries, facts.storedEntries, facts.storedEntries),
    compare('bytes of files', counts.bytes, facts.bytes.least, facts.bytes.most),
  ].filter((difference) => difference !== undefined)
  if (differences.length > 0) throw inconsistent(image, `the backup counted ${differences.join(', ')}`)
  if ((facts.ends[0] ?? 0) > counts.streamBytes)
    throw inconsistent(
      image,
      `its file list points beyond the end of its stream of ${counts.streamBytes} bytes`,
    )
  if (copies.length === 0) throw inconsistent(image, 'it has no copy')
  for (const [index, copy] of copies.entries()) {
    if (copies.findIndex((other) => other.copy === copy.copy) !== index)
      throw inconsistent(image, `copy ${copy.copy} is told twice`)
    const fault = copyFault(copy, counts.streamBytes)
    if (fault !== undefined) throw inconsistent(image, `copy ${copy.copy}: ${fault}`)
  }
}

/** What keeps a copy's fragments from being the whole stream; `undefined` when they are. */
export function copyFault(copy: ImageCopy, streamBytes: number): string | undefined {
  if (copy.copy < 1) return 'copies are numbered from 1'
  let end = 0
  for (const [index, fragment] of copy.fragments.entries()) {
    if (fragment.number !== index + 1) return `fragment ${index + 1} is numbered ${fragment.number}`
    if (fragment.streamOffset !== end)
      return `fragment ${fragment.number} begins at ${fragment.streamOffset}, the one before ends at ${end}`
    if (fragment.blockBytes < 1) return `fragment ${fragment.number} has blocks of no size`
    end += fragment.streamBytes
  }
  return end === streamBytes ? undefined : `its fragments hold ${end} bytes of a stream of ${streamBytes}`
}

/** Compares the totals that were sent with those that arrived. Throws `file-list-corrupt`. */
export function checkListTotals(
  backupId: string,
  told: ListFacts['totals'],
  found: ListFacts['totals'],
): void {
  const { bytes, batches, entries } = found
  if (told.bytes === bytes && told.batches === batches && told.entries === entries) return
  throw new NbError(
    'file-list-corrupt',
    `the file list of image ${backupId} was sent as ${sizeOf(told)}; ${sizeOf(found)} are here`,
    { details: { backupId } },
  )
}

function sizeOf({ entries, batches, bytes }: ListFacts['totals']): string {
  return `${counted(entries, 'entry', 'entries')} in ${counted(batches, 'batch', 'batches')}, ${bytes} bytes`
}

function compare(what: string, told: number, least: number, most: number): string | undefined {
  if (told >= least && told <= most) return undefined
  const range = least === most ? String(least) : `${least} to ${most}`
  return `${told} ${what}, its file list holds ${range}`
}

function inconsistent(image: ImageRecord, why: string): NbError {
  return new NbError('image-inconsistent', `image ${image.backupId} does not fit together: ${why}`, {
    details: { backupId: image.backupId },
  })
}
