import { type CallOptions, NbError, type ReadResult, type TapeDrive, throwIfAborted } from '@nb/contracts'
import { TAPE_BLOCK_BYTES } from '@nb/formats'

/** Number of the first tape file behind the label and the text how to read the tape. */
export const FIRST_FRAGMENT_FILE = 2

/** Logical object at which that file begins: label, `.nb/VOLUME.json`, filemark, `README.txt`, filemark stand before it. */
export const FIRST_FRAGMENT_OBJECT = 5

/** A block of a tape that is read in passing; `undefined` where it can't be read, or is of another length than ours. */
export type PassedBlock = Buffer | undefined

/** What stands where a tape file may begin. */
export type TapeFileFound =
  /** Nothing is recorded from here on. */
  | { readonly kind: 'end-of-data' }
  /** A filemark: the file is empty, which is the end of a tape. */
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'file'
      readonly first: PassedBlock
      readonly last: PassedBlock
      /** Blocks of the file. */
      readonly blocks: number
      /** Logical object behind it: behind its filemark, or where the data ends. */
      readonly next: number
      /** Whether a filemark closes it. */
      readonly closed: boolean
    }

/** Reads first and last block of the tape file that begins at an object; the drive stands anywhere then. Rejects as the drive does. */
export async function readTapeFile(
  drive: TapeDrive,
  object: number,
  options?: CallOptions,
): Promise<TapeFileFound> {
  throwIfAborted(options)
  await standAt(drive, object)
  const first = await readPassing(drive)
  if (first.kind === 'end-of-data') return { kind: 'end-of-data' }
  if (first.kind === 'filemark') return { kind: 'empty' }
  const { stoppedBy, position } = await drive.space({ over: 'filemarks', count: 1 })
  const closed = stoppedBy === undefined
  const next = position.object
  const blocks = next - object - (closed ? 1 : 0)
  if (blocks === 1) return { kind: 'file', first: first.block, last: first.block, blocks, next, closed }
  throwIfAborted(options)
  await standAt(drive, object + blocks - 1)
  const last = await readPassing(drive)
  const block = last.kind === 'block' ? last.block : undefined
  return { kind: 'file', first: first.block, last: block, blocks, next, closed }
}

/** Goes to an object; the drive says that it is there. Rejects with `media-position-failed`. */
export async function standAt(drive: TapeDrive, object: number): Promise<void> {
  const position = await drive.locate({ object })
  if (position.object === object) return
  throw new NbError(
    'media-position-failed',
    `Drive ${drive.name} was to go to object ${object} and stands at ${position.object}.`,
    { details: { drive: drive.name, object: position.object } },
  )
}

/** Reads what comes next; a block that can't be read is passed over. */
export async function readPassing(
  drive: TapeDrive,
): Promise<
  | { readonly kind: 'block'; readonly block: PassedBlock }
  | { readonly kind: 'filemark' }
  | { readonly kind: 'end-of-data' }
> {
  const target = Buffer.allocUnsafe(TAPE_BLOCK_BYTES)
  let read: ReadResult
  try {
    read = await drive.readBlock({ target })
  } catch (error) {
    if (error instanceof NbError && error.code === 'media-read-failed')
      return { kind: 'block', block: undefined }
    throw error
  }
  if (read.kind === 'filemark') return { kind: 'filemark' }
  if (read.kind === 'end-of-data') return { kind: 'end-of-data' }
  return { kind: 'block', block: read.blockBytes === TAPE_BLOCK_BYTES ? target : undefined }
}

/** Whether a block's first member has this name. */
export function opensWith(block: Buffer, name: string): boolean {
  return block.toString('latin1', 0, name.length + 5) === `.nb/${name}\0`
}
