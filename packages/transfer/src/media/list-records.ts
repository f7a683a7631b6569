import { type DataChannel, NbError, readChannel } from '@nb/contracts'
import { FileListDecoder, type FileRecord, FormatError } from '@nb/formats'

/** The records of a file list that comes over a channel. Rejects with `file-list-corrupt`, `channel-broken`. */
export async function* listRecords(channel: DataChannel): AsyncGenerator<FileRecord, void, undefined> {
  const decoder = new FileListDecoder()
  let records: FileRecord[] = []
  const sink = { onRecord: (record: FileRecord): void => void records.push(record) }
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
