import { once } from 'node:events'
import { type FileHandle, open } from 'node:fs/promises'
import {
  checkBlock,
  checkTrailerMember,
  decodeFragmentFooter,
  decodeFragmentHeader,
  END_OF_ARCHIVE,
  FOOTER_BYTES,
  HEADER_BYTES,
} from '@nb/formats'
import { runTool } from './command-line.ts'

const help = `Checks every block of a fragment and writes its payload, a piece of a tar archive, to standard output.

Usage: fragment-cat FILE.nbf... | tar -tv

The fragments of one image in the order of their numbers give the whole archive. A damaged block ends the tool with 1
before a byte of it is written. Fragments are in STATE/disk1 of the all-in-one example.`

await runTool('fragment-cat', help, [], async ({ positionals }) => {
  if (positionals.length === 0) throw new TypeError('name the files of the fragments; --help tells more')
  for (const path of positionals) {
    const file = await open(path, 'r')
    try {
      await cat(file, path)
    } finally {
      await file.close()
    }
  }
})

async function cat(file: FileHandle, path: string): Promise<void> {
  const { size } = await file.stat()
  const { backupId, fragment } = decodeFragmentHeader(await read(file, 0, HEADER_BYTES))
  const endBytes = Math.min(size, FOOTER_BYTES + END_OF_ARCHIVE.length)
  const footer = decodeFragmentFooter(await read(file, size - endBytes, endBytes), { fileBytes: size })
  const blocks = footer.members.find(({ name }) => name === '.nb/BLOCKS')
  if (blocks === undefined) throw new Error(`${path} has no checksums`)
  const checksums = await read(file, blocks.offset, blocks.sizeBytes)
  checkTrailerMember(checksums, blocks)
  const { payloadBytes, blockBytes, lastFragment } = footer
  console.error(`fragment ${fragment} of image ${backupId}: ${payloadBytes} bytes in ${path}`)
  for (let index = 0, at = 0; at < payloadBytes; index++, at += blockBytes) {
    const block = await read(file, HEADER_BYTES + at, Math.min(blockBytes, payloadBytes - at))
    checkBlock(block, checksums, index)
    await write(block)
  }
  if (lastFragment) await write(END_OF_ARCHIVE)
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}

async function write(bytes: Buffer): Promise<void> {
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
}
