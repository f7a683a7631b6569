import { crc32 } from 'node:zlib'
import { type Files, NbError, type OpenFile, replaceFile } from '@nb/contracts'
import { type Cartridge, CartridgeIndex, type CartridgeStore, type LibraryLayout } from './cartridge.ts'

/**
 * Volumes as files of a directory, which is made when it is not there (its parent must be): `BARCODE.tape` holds records, each a header of 16 bytes and the block.
 *
 * | offset | bytes | header of a record |
 * |---|---|---|
 * | 0 | 4 | `nbTB` a block, `nbTF` a filemark |
 * | 4 | 4 | length of the block, little endian; 0 for a filemark |
 * | 8 | 4 | CRC-32 of the block |
 * | 12 | 4 | CRC-32 of the 12 bytes before |
 *
 * The first record whose header is not whole ends the tape, and so does a last record whose block is not: that is what
 * a loss of power leaves. A damaged block before it is found when it is read.
 */
export function directoryCartridges({
  files,
  directory,
}: {
  readonly files: Files
  readonly directory: string
}): CartridgeStore {
  const layoutPath = `${directory}/library.json`
  const makeDirectory = async (): Promise<void> => {
    if ((await files.stat(directory)) !== undefined) return
    await files.makeDirectory(directory)
    await files.syncDirectory(directory.slice(0, directory.lastIndexOf('/')) || '/')
  }
  return {
    open: async (barcode) => {
      await makeDirectory()
      const path = `${directory}/${barcode}.tape`
      if ((await files.stat(path)) !== undefined)
        return openCartridge(await files.open(path, 'update'), barcode)
      const file = await files.open(path, 'create')
      await files.syncDirectory(directory)
      return openCartridge(file, barcode)
    },
    loadLayout: async () => {
      const content = await files.readFile(layoutPath)
      return content === undefined ? undefined : parseLayout(content, layoutPath)
    },
    saveLayout: async (layout) => {
      await makeDirectory()
      await replaceFile(files, layoutPath, Buffer.from(`${JSON.stringify(layout, undefined, 2)}\n`))
    },
  }
}

const headerBytes = 16
const blockMark = Buffer.from('nbTB')
const filemarkMark = Buffer.from('nbTF')

async function openCartridge(file: OpenFile, barcode: string): Promise<Cartridge> {
  const index = new CartridgeIndex()
  /** Where the record of an object begins: all before it, with their headers. */
  const offsetOf = (at: number): number => index.bytesBefore(at) + at * headerBytes
  const readRecord = async (at: number, blockBytes: number): Promise<Buffer | undefined> => {
    const record = Buffer.alloc(headerBytes + blockBytes)
    const got = await file.read(record, offsetOf(at))
    const data = record.subarray(headerBytes)
    return got === record.length && record.readUInt32LE(8) === crc32(data) ? data : undefined
  }
  const append = async (mark: Buffer, data: Uint8Array): Promise<void> => {
    const record = Buffer.alloc(headerBytes + data.length)
    mark.copy(record)
    record.writeUInt32LE(data.length, 4)
    record.writeUInt32LE(crc32(data), 8)
    record.writeUInt32LE(crc32(record.subarray(0, 12)), 12)
    record.set(data, headerBytes)
    await file.write(record, offsetOf(index.objects))
  }
  const cut = async (at: number): Promise<void> => {
    if (at >= index.objects) return
    await file.truncate(offsetOf(at))
    index.cut(at)
    // At once, or a loss of power could leave old blocks after new ones.
    await file.sync()
  }
  await scan(file, index, offsetOf)
  const last = index.objects - 1
  if (last >= 0 && (await readRecord(last, index.blockBytes(last))) === undefined) index.cut(last)
  await file.truncate(offsetOf(index.objects))
  return {
    index,
    cut,
    read: async (at) => {
      const data = await readRecord(at, index.blockBytes(at))
      if (data !== undefined) return data
      throw new NbError('media-read-failed', `block ${at} of volume ${barcode} is damaged`, {
        details: { barcode, object: at },
      })
    },
    appendBlock: async (data) => {
      await append(blockMark, data)
      index.addBlock(data.length)
    },
    appendFilemark: async () => {
      await append(filemarkMark, new Uint8Array(0))
      index.addFilemark()
    },
    sync: () => file.sync(),
    close: () => file.close(),
  }
}

/** Enters all records with a whole header whose block lies within the file. */
async function scan(file: OpenFile, index: CartridgeIndex, offsetOf: (at: number) => number): Promise<void> {
  const sizeBytes = await file.size()
  const header = Buffer.alloc(headerBytes)
  for (;;) {
    const offset = offsetOf(index.objects)
    if ((await file.read(header, offset)) < headerBytes) return
    if (header.readUInt32LE(12) !== crc32(header.subarray(0, 12))) return
    const length = header.readUInt32LE(4)
    if (offset + headerBytes + length > sizeBytes) return
    const mark = header.subarray(0, 4)
    if (mark.equals(filemarkMark)) index.addFilemark()
    else if (mark.equals(blockMark)) index.addBlock(length)
    else return
  }
}

function parseLayout(content: Buffer, path: string): LibraryLayout {
  try {
    const layout = JSON.parse(content.toString()) as LibraryLayout
    for (const places of [layout.slots, layout.drives, layout.from, layout.writeProtected])
      if (!Array.isArray(places)) throw new TypeError('a list is missing')
    return layout
  } catch (cause) {
    throw new NbError('store-corrupt', `${path} does not tell how the library stood`, {
      cause,
      details: { path },
    })
  }
}
