import {
  type CallOptions,
  type CopyToRead,
  type DescribedCopy,
  type DescribedFragment,
  type FileListTotals,
  type FragmentRecord,
  type MediaServer,
  type MediumContent,
  type MountedMedium,
  NbError,
} from '@nb/contracts'
import { FileListDecoder, FormatError, decodeFileListHeader } from '@nb/formats'
import type { SessionHost } from './session.ts'
import { mediumOf } from './wording.ts'

/** What the fragments of a copy tell of themselves and of their image. */
export function describeCopy(
  host: SessionHost,
  input: Parameters<MediaServer['describeCopy']>[0],
  options?: CallOptions,
): Promise<DescribedCopy> {
  const { fragments } = input
  return fragments === undefined
    ? describeWhole(host, input, options)
    : describeFragments(host, { ...input, fragments }, options)
}

/** Those fragments alone, which a tape has told of: what they are is read with their trailers. */
function describeFragments(
  host: SessionHost,
  {
    jobId,
    allocation,
    backupId,
    copy,
    fragments,
  }: Parameters<MediaServer['describeCopy']>[0] & { readonly fragments: readonly FragmentRecord[] },
  options?: CallOptions,
): Promise<DescribedCopy> {
  const { storageUnit } = allocation
  return withMedium(host, { allocation, jobId }, options, async (medium) => {
    const found: FragmentRecord[] = []
    let image: DescribedCopy['image'] = null
    for (const asked of fragments) {
      const place = { backupId, copy, number: asked.number, fragment: asked }
      const told = await medium.describeFragment(place, options)
      if (told === undefined)
        throw new NbError(
          'fragment-missing',
          `Fragment ${asked.number} of copy ${copy} of image ${backupId} is not on ${mediumOf(allocation)}.`,
          { details: { backupId, copy, fragment: asked.number, storageUnit } },
        )
      await told.close()
      found.push(told.fragment)
      image = told.image
    }
    return { image, copy: { copy, storageUnit, mediaServer: host.name, fragments: found } }
  })
}

function describeWhole(
  host: SessionHost,
  { jobId, allocation, backupId, copy }: Omit<CopyToRead, 'copy'> & { readonly copy: number },
  options?: CallOptions,
): Promise<DescribedCopy> {
  const { storageUnit } = allocation
  return withMedium(host, { allocation, jobId }, options, async (medium) => {
    const fragments: DescribedCopy['copy']['fragments'][number][] = []
    for (let streamOffset = 0; ;) {
      const found = await medium.describeFragment({ backupId, copy, number: fragments.length + 1 }, options)
      if (found === undefined) throw noMore(backupId, copy, storageUnit, fragments.length)
      await found.close()
      if (found.fragment.streamOffset !== streamOffset)
        throw new NbError(
          'fragment-corrupt',
          `Fragment ${found.fragment.number} of copy ${copy} of image ${backupId} begins at byte ${found.fragment.streamOffset} of the stream, the one before ends at ${streamOffset}.`,
          { details: { backupId, copy, fragment: found.fragment.number, storageUnit } },
        )
      fragments.push(found.fragment)
      streamOffset += found.fragment.streamBytes
      if (found.last)
        return { image: found.image, copy: { copy, storageUnit, mediaServer: host.name, fragments } }
    }
  })
}

/** What is on a mounted volume. */
export async function* volumeContents(
  host: SessionHost,
  { jobId, allocation }: Pick<CopyToRead, 'allocation' | 'jobId'>,
  options?: CallOptions,
): AsyncGenerator<MediumContent, void, undefined> {
  const { storageUnit } = allocation
  const medium = await host.storeOf(storageUnit).mount({ allocation, jobId }, options)
  try {
    if (medium.contents === undefined)
      throw new NbError(
        'not-supported',
        `Storage unit ${storageUnit} has no volumes; what is stored there is listed without mounting.`,
      )
    yield* medium.contents(options)
  } finally {
    await medium.unmount()
  }
}

/** Sends the file list that the fragments of a copy have kept, each a part of it, as one. */
export async function sendFileList(
  host: SessionHost,
  { jobId, allocation, backupId, copy, list, after }: Parameters<MediaServer['sendFileList']>[0],
  options?: CallOptions,
): Promise<FileListTotals> {
  const channel = await host.channels.connect({ ticket: list }, options)
  const joined = new JoinedList(after)
  try {
    await withMedium(host, { allocation, jobId }, options, async (medium) => {
      for (const fragment of copy.fragments) {
        const { number } = fragment
        const place = { backupId, copy: copy.copy, number, fragment }
        const found = await medium.describeFragment(place, options)
        if (found === undefined) throw noMore(backupId, copy.copy, copy.storageUnit, number - 1)
        try {
          for await (const piece of joined.part(found, options)) await channel.write(piece)
        } finally {
          await found.close()
        }
      }
    })
    if (joined.isEmpty) {
      // Nothing at all would be no list; after one it is nothing more.
      if (after === undefined) channel.abort('the fragments have no part of the list')
      else await channel.end()
      return after ?? { bytes: 0, batches: 0, entries: 0 }
    }
    const totals = joined.finish()
    await channel.end()
    return totals
  } catch (error) {
    channel.abort((error as Error).message)
    throw error instanceof FormatError ? listFault(backupId, error.message, error) : error
  }
}

/**
 * Joins the parts of a list: each begins with the list's header, which stays only at the front. Where it goes on after what was sent before
 * that one is no part of its totals.
 */
class JoinedList {
  readonly #decoder = new FileListDecoder()
  #header: Buffer | undefined
  #totals: FileListTotals
  readonly #goesOn: boolean

  constructor(after: FileListTotals | undefined) {
    this.#goesOn = after !== undefined
    this.#totals = after ?? { bytes: 0, batches: 0, entries: 0 }
  }

  async *part(
    fragment: DescribedFragment,
    options: CallOptions | undefined,
  ): AsyncGenerator<Buffer, void, undefined> {
    let head: Buffer | undefined = Buffer.alloc(0)
    for await (const chunk of fragment.readFileList(options)) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
      if (head === undefined) {
        yield this.#counted(bytes)
        continue
      }
      head = Buffer.concat([head, bytes])
      if (head.length < 16 || head.length < head.readUInt32LE(12)) continue
      const header: Buffer = head.subarray(0, decodeFileListHeader(head).byteLength)
      if (this.#header === undefined) yield this.#counted(header, this.#goesOn)
      else if (!header.equals(this.#header))
        throw new FormatError('FILE_LIST_INVALID', 0, 'The parts of a file list are of different lists')
      this.#header ??= Buffer.from(header)
      if (header.length < head.length) yield this.#counted(head.subarray(header.length))
      head = undefined
    }
    if (head !== undefined && head.length > 0)
      throw new FormatError('FILE_LIST_TRUNCATED', head.length, 'A part of a file list ends in its header')
  }

  /** Whether no fragment had any part. */
  get isEmpty(): boolean {
    return this.#header === undefined
  }

  finish(): FileListTotals {
    this.#decoder.finish()
    return this.#totals
  }

  #counted(bytes: Buffer, isKnown = false): Buffer {
    const { bytes: before, batches, entries } = this.#totals
    const found = { batches: 0, entries: 0 }
    this.#decoder.push(bytes, {
      onBatch: ({ entryCount }) => {
        found.batches += 1
        found.entries += entryCount
      },
    })
    this.#totals = {
      bytes: before + (isKnown ? 0 : bytes.length),
      batches: batches + found.batches,
      entries: entries + found.entries,
    }
    return bytes
  }
}

async function withMedium<Result>(
  host: SessionHost,
  input: Pick<CopyToRead, 'allocation' | 'jobId'>,
  options: CallOptions | undefined,
  work: (medium: MountedMedium) => Promise<Result>,
): Promise<Result> {
  const medium = await host.storeOf(input.allocation.storageUnit).mount(input, options)
  try {
    return await work(medium)
  } finally {
    await medium.unmount()
  }
}

function noMore(backupId: string, copy: number, storageUnit: string, fragments: number): NbError {
  const details = { backupId, copy, storageUnit, fragments }
  if (fragments === 0)
    return new NbError(
      'fragment-missing',
      `Storage unit ${storageUnit} has no fragment of copy ${copy} of image ${backupId}.`,
      { details },
    )
  return new NbError(
    'image-incomplete',
    `Copy ${copy} of image ${backupId} on ${storageUnit} has ${fragments} fragments and not its last: its backup did not end, or fragment ${fragments + 1} is gone.`,
    { details, retryable: false },
  )
}

function listFault(backupId: string, why: string, cause: unknown): NbError {
  return new NbError(
    'file-list-corrupt',
    `The file list of image ${backupId} in its fragments is damaged: ${why}`,
    {
      details: { backupId },
      cause,
    },
  )
}
