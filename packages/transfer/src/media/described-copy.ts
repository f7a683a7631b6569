import {
  type CallOptions,
  type ChannelTicket,
  type CopyToRead,
  type DescribedCopy,
  type DescribedFragment,
  type FileListTotals,
  type MountedMedium,
  NbError,
} from '@nb/contracts'
import { FileListDecoder, FormatError, decodeFileListHeader } from '@nb/formats'
import type { SessionHost } from './session.ts'

/** What the fragments of a copy tell of themselves and of their image. */
export function describeCopy(
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

/** Sends the file list that the fragments of a copy have kept, each a part of it, as one. */
export async function sendFileList(
  host: SessionHost,
  { jobId, allocation, backupId, copy, list }: CopyToRead & { readonly list: ChannelTicket },
  options?: CallOptions,
): Promise<FileListTotals> {
  const channel = await host.channels.connect({ ticket: list }, options)
  const joined = new JoinedList()
  try {
    await withMedium(host, { allocation, jobId }, options, async (medium) => {
      for (const { number } of copy.fragments) {
        const found = await medium.describeFragment({ backupId, copy: copy.copy, number }, options)
        if (found === undefined) throw noMore(backupId, copy.copy, copy.storageUnit, number - 1)
        try {
          for await (const piece of joined.part(found, options)) await channel.write(piece)
        } finally {
          await found.close()
        }
      }
    })
    const totals = joined.finish()
    await channel.end()
    return totals
  } catch (error) {
    channel.abort((error as Error).message)
    throw error instanceof FormatError ? listFault(backupId, error.message, error) : error
  }
}

/** Joins the parts of a list: each begins with the list's header, which stays only at the front. */
class JoinedList {
  readonly #decoder = new FileListDecoder()
  #header: Buffer | undefined
  #totals: FileListTotals = { bytes: 0, batches: 0, entries: 0 }

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
      if (this.#header === undefined) yield this.#counted(header)
      else if (!header.equals(this.#header))
        throw new FormatError('FILE_LIST_INVALID', 0, 'The parts of a file list are of different lists')
      this.#header ??= Buffer.from(header)
      if (header.length < head.length) yield this.#counted(head.subarray(header.length))
      head = undefined
    }
    if (head !== undefined && head.length > 0)
      throw new FormatError('FILE_LIST_TRUNCATED', head.length, 'A part of a file list ends in its header')
  }

  finish(): FileListTotals {
    this.#decoder.finish()
    return this.#totals
  }

  #counted(bytes: Buffer): Buffer {
    const { bytes: before, batches, entries } = this.#totals
    const found = { batches: 0, entries: 0 }
    this.#decoder.push(bytes, {
      onBatch: ({ entryCount }) => {
        found.batches += 1
        found.entries += entryCount
      },
    })
    this.#totals = {
      bytes: before + bytes.length,
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
