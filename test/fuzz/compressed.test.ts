// Mutated compressed fragments, frames, their index, and what travels of them.
import assert from 'node:assert/strict'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { FrameIndex, FrameIndexWriter, type FrameFormat, MAX_FRAME_BYTES, decompressFrame } from '@nb/formats'
import t from 'tap'
import {
  goldenCompressed,
  goldenFileList,
  fragment as goldenHead,
} from '../../packages/formats/test/support/golden.ts'
import { openFragmentReader } from '../../packages/media-disk/src/fragment-reader.ts'
import {
  FRAME_HEAD_BYTES,
  FrameMeter,
  FrameSplitter,
  encodeFrameHead,
} from '../../packages/transfer/src/compressed-stream.ts'
import { fuzz } from './engine/fuzz.ts'
import { resealCompressed } from './repairs/compressed.ts'
import { oneFile } from './support/one-file.ts'

t.setTimeout(3_600_000)

const formats: readonly FrameFormat[] = ['zstd', 'gzip']
const dictionary = ['.nb/', '"payloadBytes":', '"storedBytes":', '"compression":"gzip"', 'nb-disk/', '}', '"']

t.test('a mutated compressed fragment is read to an end, or fragment-corrupt', async (t) => {
  const identity = {
    storageUnit: 'disk1',
    backupId: goldenHead.backupId,
    copy: 1,
    number: 2,
    path: '/unit/1-2.nbf',
  }
  await fuzz(t, {
    name: 'compressed-fragment',
    seeds: formats.map((format) => goldenCompressed(goldenFileList(), format)),
    repairs: [resealCompressed],
    dictionary,
    count: 300,
    longCount: 60_000,
    run: async (input) => {
      const file = await oneFile(identity.path, input).open(identity.path, 'read')
      const reader = await openFragmentReader(file, identity)
      try {
        let streamBytes = 0
        for await (const frame of reader.frames()) streamBytes += frame.streamBytes
        let bytes = 0
        for await (const chunk of reader.read({ offset: 0, bytes: streamBytes })) bytes += chunk.length
        assert.equal(bytes, streamBytes)
      } catch (error) {
        // One that is not compressed any more has no frames.
        if (!(error instanceof TypeError) || !/has no frames/.test(error.message)) throw error
      } finally {
        await reader.close()
      }
    },
  })
})

for (const format of formats)
  t.test(`a mutated ${format} frame is what is told of it, or refused, within its memory`, async (t) => {
    const compress = format === 'zstd' ? zstdCompressSync : gzipSync
    const pieces = [Buffer.alloc(4096), Buffer.from('all work and no play '.repeat(200)).subarray(0, 4096)]
    await fuzz(t, {
      name: `${format}-frame`,
      seeds: [
        ...pieces.map((piece) => compress(piece)),
        compress(Buffer.alloc(2 ** 22)),
        compress(Buffer.alloc(0)),
      ],
      count: 400,
      longCount: 100_000,
      maxAllocatedBytes: 8 * 2 ** 20,
      run: async (input) => {
        assert.equal((await decompressFrame(input, format, 4096)).length, 4096)
      },
    })
  })

t.test('a mutated index of frames is one, or a FormatError', async (t) => {
  const writer = new FrameIndexWriter()
  for (const streamBytes of [512, 4096, MAX_FRAME_BYTES])
    writer.add({ storedBytes: 300, streamBytes, startsAtMember: true })
  const entries = Buffer.from(writer.finish())
  const totals = { storedBytes: 900, payloadBytes: 512 + 4096 + MAX_FRAME_BYTES }
  const told = Buffer.alloc(16)
  told.writeDoubleLE(totals.storedBytes, 0)
  told.writeDoubleLE(totals.payloadBytes, 8)
  await fuzz(t, {
    name: 'frame-index',
    seeds: [Buffer.concat([told, entries])],
    count: 400,
    longCount: 60_000,
    run: (input) => {
      if (input.length < 16) return
      const index = new FrameIndex(input.subarray(16), {
        storedBytes: input.readDoubleLE(0),
        payloadBytes: input.readDoubleLE(8),
      })
      for (let number = 0; number < index.count; number++) {
        const { offset, streamBytes } = index.frame(number)
        assert.equal(index.find(offset), number)
        assert.equal(index.find(offset + streamBytes - 1), number)
      }
    },
  })
})

t.test('a mutated compressed stream is taken apart, or message-invalid', async (t) => {
  const head = (storedBytes: number, streamBytes: number): Buffer => {
    const bytes = Buffer.alloc(FRAME_HEAD_BYTES)
    encodeFrameHead({ storedBytes, streamBytes, startsAtMember: storedBytes % 2 === 0 }, bytes)
    return bytes
  }
  const seed = Buffer.concat([head(40, 512), Buffer.alloc(40, 1), head(701, 1024), Buffer.alloc(701, 2)])
  await fuzz(t, {
    name: 'compressed-stream',
    seeds: [seed, seed.subarray(0, 52), Buffer.alloc(0)],
    dictionary: ['nbCF'],
    count: 400,
    longCount: 60_000,
    run: (input) => {
      const splitter = new FrameSplitter()
      const meter = new FrameMeter()
      let streamBytes = 0
      let metered = 0
      for (let at = 0; at < input.length; at += 97) {
        const chunk = input.subarray(at, at + 97)
        metered += meter.push(chunk)
        for (const frame of splitter.push(chunk)) streamBytes += frame.streamBytes
      }
      assert.equal(metered, streamBytes)
      splitter.finish()
    },
  })
})
