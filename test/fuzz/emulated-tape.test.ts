// Mutated files of emulated cartridges and libraries.
import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import { NbError, type OpenFile } from '@nb/contracts'
import t from 'tap'
import { Elements } from '../../packages/media-tape/src/emulator/changer/elements.ts'
import { openTapeFile } from '../../packages/media-tape/src/emulator/medium/tape-file.ts'
import { makeVolume, parseVolume } from '../../packages/media-tape/src/emulator/medium/volume.ts'
import { fuzz } from './engine/fuzz.ts'

t.setTimeout(3_600_000)

/** A file in memory. */
function memoryFile(content: Buffer): OpenFile & { readonly content: Buffer } {
  let bytes = Buffer.from(content)
  return {
    get content() {
      return bytes
    },
    read: async (target, position) =>
      bytes.copy(target, 0, Math.min(position, bytes.length), position + target.length),
    write: async (data, position = bytes.length) => {
      const grown = Buffer.alloc(Math.max(bytes.length, position + data.length))
      bytes.copy(grown)
      grown.set(data, position)
      bytes = grown
    },
    size: async () => bytes.length,
    truncate: async (size) => void (bytes = Buffer.concat([bytes, Buffer.alloc(size)]).subarray(0, size)),
    sync: async () => undefined,
    close: async () => undefined,
  }
}

async function tapeOf(objects: readonly (Buffer | null)[], durable: number): Promise<Buffer> {
  const file = memoryFile(Buffer.alloc(0))
  const tape = await openTapeFile(file, '/t')
  for (const [at, one] of objects.entries()) {
    await (one === null ? tape.appendFilemark() : tape.appendBlock(one))
    if (at + 1 === durable) await tape.sync()
  }
  return file.content
}

/** Right checksums of headers and blocks, as far as they can be gone along. */
function reseal(input: Buffer): Buffer {
  for (let at = 8; at + 24 <= input.length; at += 24 + input.readUInt32LE(at + 4)) {
    const block = input.subarray(at + 24, at + 24 + input.readUInt32LE(at + 4))
    input.writeUInt32LE(crc32(block), at + 12)
    input.writeUInt32LE(crc32(input.subarray(at, at + 20)), at + 20)
  }
  return input
}

t.test('a mutated tape is a tape, which opens the same again, or store-corrupt', async (t) => {
  const blocks = [Buffer.from('one'), Buffer.alloc(300, 2), null, Buffer.alloc(0), Buffer.from('last'), null]
  await fuzz(t, {
    name: 'emulated-tape',
    seeds: [await tapeOf(blocks, 3), await tapeOf(blocks, 0), await tapeOf([], 0)],
    repairs: [reseal],
    dictionary: ['nbtape1\n', 'nbTB', 'nbTE', 'nbTF'],
    count: 300,
    longCount: 60_000,
    run: async (input) => {
      const file = memoryFile(input)
      const tape = await openTapeFile(file, '/t')
      const { index } = tape
      assert.ok(index.bytesBefore(index.objects) <= input.length)
      const told = []
      for (let at = 0; at < index.objects; at++) {
        const block = index.isFilemark(at) ? null : await tape.read(at)
        if (block) assert.equal(block.length, index.blockBytes(at))
        told.push(block)
      }
      const again = await openTapeFile(memoryFile(file.content), '/t')
      assert.equal(again.index.objects, told.length)
      for (const [at, one] of told.entries()) if (one) assert.deepEqual(await again.read(at), one)
    },
  })
})

t.test('a mutated record of a cartridge or library is one, or store-corrupt', async (t) => {
  const volume = makeVolume({ name: 'A' }, { capacityBytes: 1000, earlyWarningBytes: 10 })
  const counts = { slots: 2, mailSlots: 1, drives: 1 }
  const layout = new Elements(counts).record()
  await fuzz(t, {
    name: 'emulated-records',
    seeds: [volume, layout].map((record) => Buffer.from(JSON.stringify(record))),
    dictionary: ['null', '[]', '{}', '"version":1', '-1', '1e400', '"holds":"A"'],
    count: 300,
    longCount: 60_000,
    run: (input) => {
      const record = parseJson(input)
      if (record instanceof Object && 'elements' in record) {
        const elements = new Elements(counts)
        elements.restore(record)
        assert.deepEqual(
          elements.all.map(({ address }) => address),
          layout.elements.map(({ address }) => address),
        )
        return
      }
      const { capacityBytes, attributes } = parseVolume(record, 'A')
      assert.ok(capacityBytes >= 0)
      for (const { hex } of Object.values(attributes))
        assert.equal(Buffer.from(hex, 'hex').length, hex.length / 2)
    },
  })
})

/** As the store does it. */
function parseJson(input: Buffer): unknown {
  try {
    return JSON.parse(input.toString()) as unknown
  } catch (cause) {
    throw new NbError('store-corrupt', 'no JSON', { cause })
  }
}
