import { NbError, type OpenFile } from '@nb/contracts'
import type { Cartridge } from './cartridge.ts'
import { TapeIndex } from './tape-index.ts'
import {
  decodeRecordHeader,
  encodeRecord,
  isWholeBlock,
  recordHeaderBytes,
  tapeFileMagic,
} from './tape-record.ts'

/**
 * A tape in a file. What a loss of power left is cut off when it is opened: the first record whose header is not whole ends
 * the tape, and so does the first block that is not, among those that the records before that end do not tell to be durable. A
 * damaged block before them is found when it is read. Rejects with `store-corrupt` for a file that is no tape.
 */
export async function openTapeFile(file: OpenFile, path: string): Promise<Cartridge> {
  await checkMagic(file, path)
  const index = new TapeIndex()
  await file.truncate(await scan(file, index))
  await file.sync()
  let durableObjects = index.objects

  // One room for all records: blocks are large, and a new one for each would be most of the work.
  let room = Buffer.alloc(recordHeaderBytes)
  const append = async (block?: Parameters<typeof encodeRecord>[2]): Promise<void> => {
    const bytes = recordHeaderBytes + (block?.data.length ?? 0)
    if (room.length < bytes) room = Buffer.allocUnsafe(bytes)
    await file.write(encodeRecord(room, durableObjects, block), offsetOf(index, index.objects))
  }
  return {
    index,
    get durableObjects() {
      return durableObjects
    },
    read: async (at) => (await readRecord(file, index, at))?.data,
    cut: async (at) => {
      if (at >= index.objects) return
      await file.truncate(offsetOf(index, at))
      index.cut(at)
      durableObjects = Math.min(durableObjects, at)
      // At once, or a loss of power could leave old blocks after new ones.
      await file.sync()
      durableObjects = at
    },
    appendBlock: async (data, mediaBytes = data.length, isEncrypted = false) => {
      await append({ data, mediaBytes, isEncrypted })
      index.addBlock(data.length, mediaBytes, isEncrypted)
    },
    appendFilemark: async () => {
      await append()
      index.addFilemark()
    },
    sync: async () => {
      const { objects } = index
      if (durableObjects === objects) return
      await file.sync()
      durableObjects = objects
    },
    close: () => file.close(),
  }
}

/** Where the record of object `at` begins: after the magic and all before it, with their headers. */
function offsetOf(index: TapeIndex, at: number): number {
  return tapeFileMagic.length + index.bytesBefore(at) + at * recordHeaderBytes
}

async function checkMagic(file: OpenFile, path: string): Promise<void> {
  const magic = Buffer.alloc(tapeFileMagic.length)
  const got = await file.read(magic, 0)
  if (got === magic.length && magic.equals(tapeFileMagic)) return
  // A new file, or one that the power left before its first bytes were durable: those zeros or fewer bytes.
  if (
    (await file.size()) > magic.length ||
    magic.some((byte, at) => byte !== 0 && byte !== tapeFileMagic[at])
  )
    throw new NbError('store-corrupt', `${path} is no tape`, { details: { path } })
  await file.write(tapeFileMagic, 0)
}

/** Enters all that counts into the index; gives the size of the file up to there. */
async function scan(file: OpenFile, index: TapeIndex): Promise<number> {
  const durableBefore = await scanHeaders(file, index)
  // What is cut off says no longer what was durable: the next opening could not read it. So blocks are looked at from the end
  // of the durable ones as those that stay tell it, which is nearer to the beginning after each cut.
  let looked = index.objects
  for (;;) {
    const durable = Math.min(durableBefore[index.objects] as number, index.objects)
    if (durable >= looked) return offsetOf(index, index.objects)
    const damaged = await firstDamaged(file, index, durable, looked)
    if (damaged !== undefined) index.cut(damaged)
    looked = durable
  }
}

/** Enters all records with whole headers; gives what those before each object, and before the end, say is durable. */
async function scanHeaders(file: OpenFile, index: TapeIndex): Promise<readonly number[]> {
  const sizeBytes = await file.size()
  const bytes = Buffer.alloc(recordHeaderBytes)
  const durableBefore = [0]
  for (;;) {
    const offset = offsetOf(index, index.objects)
    const got = await file.read(bytes, offset)
    const header = decodeRecordHeader(bytes.subarray(0, got))
    if (header === undefined || offset + recordHeaderBytes + header.blockBytes > sizeBytes)
      return durableBefore
    durableBefore.push(Math.max(durableBefore.at(-1) as number, header.durableObjects))
    if (header.filemark) index.addFilemark()
    else index.addBlock(header.blockBytes, header.mediaBytes, header.encrypted)
  }
}

async function firstDamaged(
  file: OpenFile,
  index: TapeIndex,
  from: number,
  to: number,
): Promise<number | undefined> {
  for (let at = from; at < to; at++) if ((await readRecord(file, index, at)) === undefined) return at
  return undefined
}

async function readRecord(
  file: OpenFile,
  index: TapeIndex,
  at: number,
): Promise<{ readonly data: Buffer } | undefined> {
  const record = Buffer.allocUnsafe(recordHeaderBytes + index.blockBytes(at))
  const got = await file.read(record, offsetOf(index, at))
  const header = decodeRecordHeader(record.subarray(0, got))
  const data = record.subarray(recordHeaderBytes, got)
  return header !== undefined && isWholeBlock(header, data) ? { data } : undefined
}
