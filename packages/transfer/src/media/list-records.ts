import { type DataChannel, NbError, readChannel } from '@nb/contracts'
import { FileListDecoder, type FileListHeader, type FileRecord, FormatError } from '@nb/formats'

/** A record, and what the digests of its list are made with. */
export interface ListRecord {
  readonly record: FileRecord
  readonly digestAlgorithm: string | undefined
}

/** The records of a file list that comes over a channel. Rejects with `file-list-corrupt`, `channel-broken`. */
export async function* listRecords(channel: DataChannel): AsyncGenerator<ListRecord, void, undefined> {
  const decoder = new FileListDecoder()
  let records: ListRecord[] = []
  let digestAlgorithm: string | undefined
  const sink = {
    onHeader: (header: FileListHeader): void => void (digestAlgorithm = header.digestAlgorithm),
    onRecord: (record: FileRecord): void => void records.push({ record, digestAlgorithm }),
  }
  try {
    for await (const chunk of readChannel(channel)) {
      decoder.push(chunk, sink)
      yield* records
      records = []
    }
    decoder.finish()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new NbError('file-list-corrupt', `The file list is damaged: ${error.message}`, { cause: error })
  }
  await channel.end()
}
