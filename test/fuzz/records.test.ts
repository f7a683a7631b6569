// Mutated small records: image headers, sequence files, the catalog's index, positions of checkpoints, range frames, notes of
// restores, policy files.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib'
import { NbError } from '@nb/contracts'
import { parsePolicy, printPolicy } from '@nb/scheduler'
import { nightlyPolicy } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { HeaderStore } from '../../packages/catalog/src/header-store.ts'
import { decodeHeader, encodeHeader } from '../../packages/catalog/src/header.ts'
import { decodeName, encodeName } from '../../packages/catalog/src/image-folder.ts'
import { ImageIndex, type IndexedImage } from '../../packages/catalog/src/image-index.ts'
import { readRestoreNote } from '../../packages/transfer/src/client/extractor/restore-note.ts'
import { decodePosition, encodePosition } from '../../packages/transfer/src/client/reader-position.ts'
import {
  RANGE_FRAME_BYTES,
  RangeSplitter,
  encodeRangeFrame,
} from '../../packages/transfer/src/range-frame.ts'
import { fuzz } from './engine/fuzz.ts'
import { below, oneOf, type Random } from './engine/mutate.ts'
import { oneFile } from './support/one-file.ts'

t.setTimeout(3_600_000)

const json = [
  'null',
  '[]',
  '{}',
  '-1',
  '1e400',
  '9007199254740992',
  '"',
  '"__proto__":',
  'true',
  '\\udc80',
  '\xff',
  '","',
]
const header = readFileSync(new URL('../../packages/catalog/test/golden/header-1.golden', import.meta.url))
const backupId = 'web1_1767225600'
const isRefusal = (): boolean => true

/** Another value somewhere in a tree of JSON. */
function otherValue(tree: unknown, random: Random): unknown {
  if (typeof tree !== 'object' || tree === null || random() < 0.1)
    return oneOf(random, [null, -1, 0, 1.5, 2 ** 53, '', 'x', [], {}, true, [[]], '../..', '\0'])
  const holder = tree as Record<string, unknown>
  const name = oneOf(random, Object.keys(holder))
  if (name === undefined) return tree
  if (random() < 0.1) delete holder[name]
  else holder[name] = otherValue(holder[name], random)
  return tree
}

function changedJson(input: Buffer, random: Random): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(input.toString()) as Record<string, unknown> | null
    return (otherValue(value, random) ?? undefined) as Record<string, unknown> | undefined
  } catch {
    return undefined
  }
}

/** A header with another field and the right checksum. */
function otherHeaderField(input: Buffer, random: Random): Buffer {
  try {
    const value = JSON.parse(input.toString()) as Record<string, unknown>
    const image = random() < 0.9 ? otherValue(value['image'], random) : value['image']
    const sum = crc32(JSON.stringify(image) ?? '')
      .toString(16)
      .padStart(8, '0')
    return Buffer.from(JSON.stringify({ ...value, image, crc32: sum }))
  } catch {
    return input
  }
}

t.test('a mutated header of an image is one, or store-corrupt', async (t) => {
  await fuzz(t, {
    name: 'image-header',
    seeds: [header],
    repairs: [otherHeaderField],
    dictionary: json,
    count: 200,
    longCount: 60_000,
    isRefusal,
    run: (input) => {
      const image = decodeHeader(input, backupId, '/header.json')
      assert.deepEqual(decodeHeader(encodeHeader(image), backupId, '/header.json'), image)
    },
  })
})

t.test('a mutated sequence file is one, or store-corrupt', async (t) => {
  await fuzz(t, {
    name: 'sequence',
    seeds: ['', ',"crc32":"8c5237e3"'].map((sum) =>
      Buffer.from(`{"format":"nb-sequence/1","lastSeconds":1767225600${sum}}\n`),
    ),
    dictionary: json,
    count: 200,
    longCount: 20_000,
    run: async (input) => {
      const headers = new HeaderStore(oneFile('/images/web1/sequence.json', input), '/images')
      const seconds = await headers.lastSeconds('web1')
      assert.ok(Number.isSafeInteger(seconds))
    },
  })
})

t.test('a mutated name of a folder is the encoding of one name, or of none', async (t) => {
  await fuzz(t, {
    name: 'folder-name',
    seeds: [Buffer.from(encodeName('web1_1767225600')), Buffer.from(encodeName('ä/../b.'))],
    dictionary: ['%', '%2F', '%00', '%C3%A4', '..', '%zz', '%2'],
    count: 200,
    longCount: 20_000,
    run: (input) => {
      const component = input.toString('latin1')
      const name = decodeName(component)
      if (name === undefined) throw new NbError('argument-invalid', 'no name')
      assert.equal(encodeName(name), component)
      assert.ok(!component.includes('/') && !component.startsWith('.'))
    },
  })
})

t.test('a mutated record of the catalog index is as its keys say, or the index is made anew', async (t) => {
  const image = decodeHeader(header, backupId, '/header.json')
  const seed = JSON.stringify({ image, stamp: { sizeBytes: 10, modifiedAt: 5 } } satisfies IndexedImage)
  const level = new MemoryLevel<string, string>()
  const index = new ImageIndex(level)
  const images = level.sublevel('images', {})
  await fuzz(t, {
    name: 'catalog-index',
    seeds: [Buffer.from(seed)],
    repairs: [(input, random) => Buffer.from(JSON.stringify(changedJson(input, random)) ?? 'null')],
    dictionary: json,
    count: 150,
    longCount: 20_000,
    run: async (input) => {
      await index.reset()
      await index.set(backupId, { image, stamp: { sizeBytes: 10, modifiedAt: 5 } })
      await images.put(backupId, input.toString('latin1'))
      let stamps: Awaited<ReturnType<ImageIndex['load']>>
      try {
        stamps = await index.load()
      } catch (error) {
        // Whatever it is, a start makes the index anew; here it only counts as refused.
        throw new NbError('store-corrupt', (error as Error).message)
      }
      if (stamps === undefined) throw new NbError('store-corrupt', 'of another form')
    },
  })
})

t.test('a mutated position of a checkpoint is one, or the backup begins anew', async (t) => {
  const stored = { memberPath: Buffer.from('a/b'), memberOffset: 512, memberBytes: 1024, sizeBytes: 5 }
  const times = { mtimeNs: 5n, ctimeNs: -6n, flags: 1, digest: Buffer.alloc(32, 7) }
  const walk = {
    root: Buffer.from('/data'),
    summary: { found: 2, readable: 1 },
    directory: { path: Buffer.from('/data/d\xff', 'latin1'), after: Buffer.from('x'), unvisited: 3 },
  }
  const link = { key: '1:2', namesLeft: 2, firstPath: Buffer.from('/data/a'), mtimeNs: 5n, size: 5 }
  const links = [link, { ...link, key: '1:3', stored: { ...stored, ...times } }]
  const position = { walk, counts: { files: 1, directories: 2, readBytes: 3 }, links }
  const format = 'nb-position/1:'
  await fuzz(t, {
    name: 'position',
    seeds: [Buffer.from(encodePosition(position))],
    repairs: [
      (input, random) => {
        try {
          const text = inflateRawSync(Buffer.from(input.toString('latin1').slice(format.length), 'base64'))
          return Buffer.from(
            format + deflateRawSync(JSON.stringify(changedJson(text, random))).toString('base64'),
          )
        } catch {
          return input
        }
      },
    ],
    dictionary: [...json, format],
    count: 250,
    longCount: 40_000,
    isRefusal,
    run: (input) => {
      const read = decodePosition(input.toString('latin1'))
      assert.deepEqual(decodePosition(encodePosition(read)), read)
    },
  })
})

t.test('mutated range frames are taken apart the same however they come, or message-invalid', async (t) => {
  const frames = [5, 512, 1, 2000].map((bytes, imageIndex) => {
    const head = Buffer.alloc(RANGE_FRAME_BYTES)
    encodeRangeFrame({ imageIndex, streamOffset: imageIndex * 512, bytes }, head)
    return Buffer.concat([head, Buffer.alloc(bytes, imageIndex)])
  })
  const split = (input: Buffer, pieceBytes: number): { told: string[]; error: unknown } => {
    const told: string[] = []
    const splitter = new RangeSplitter()
    let bytes = 0
    try {
      for (let at = 0; at < input.length; at += pieceBytes)
        splitter.push(input.subarray(at, at + pieceBytes), {
          onRange: (frame) => told.push(`${JSON.stringify(frame)} after ${bytes}`),
          onBytes: (chunk) => void (bytes += chunk.length),
        })
    } catch (error) {
      return { told, error }
    }
    return { told: [...told, `${bytes} ${splitter.atFrameBoundary}`], error: undefined }
  }
  await fuzz(t, {
    name: 'range-frame',
    seeds: [Buffer.concat(frames), ...frames],
    dictionary: ['nbRF', Buffer.alloc(8, 0xff), Buffer.alloc(8)],
    count: 200,
    longCount: 60_000,
    run: (input) => {
      const whole = split(input, 65_536)
      const pieces = split(input, 7)
      assert.deepEqual(pieces.told, whole.told)
      assert.equal(String(pieces.error), String(whole.error))
      if (whole.error !== undefined) throw whole.error as Error
    },
  })
})

t.test('a mutated note of a restore is one of a restore, or is refused as text', async (t) => {
  const head = {
    note: 'nb-restore',
    version: 1,
    jobId: '7',
    root: '/target',
    prefix: `.nb-restore-${'0'.repeat(32)}-`,
  }
  const note = [head, '/a', '/a/\xff'].map((line) => `${JSON.stringify(line)}\n`).join('')
  await fuzz(t, {
    name: 'restore-note',
    seeds: [Buffer.from(note)],
    repairs: [
      (input, random) => {
        const lines = input.toString().split('\n')
        const at = below(random, lines.length)
        lines[at] = JSON.stringify(changedJson(Buffer.from(lines[at] ?? ''), random)) ?? ''
        return Buffer.from(lines.join('\n'))
      },
    ],
    dictionary: json,
    count: 250,
    longCount: 30_000,
    run: (input) => {
      try {
        const read = readRestoreNote(input.toString())
        assert.ok(read === undefined || read.prefix.startsWith('.nb-'))
      } catch (error) {
        // What sweeps notes tells it to the log and leaves the note.
        if (error instanceof SyntaxError) throw new NbError('argument-invalid', error.message)
        throw error
      }
    },
  })
})

t.test('a mutated policy file is a policy that prints as itself, or argument-invalid', async (t) => {
  const policy = nightlyPolicy()
  await fuzz(t, {
    name: 'policy-file',
    seeds: [Buffer.from(printPolicy(policy)), Buffer.from(printPolicy(policy, { format: 'json' }))],
    dictionary: [
      ...json,
      '&a',
      '*a',
      '<<: *a',
      '!!binary ',
      '---\n',
      '? ',
      '- ',
      ': ',
      '\t',
      '|\n',
      '0x',
      '1e9',
      'mon-fri',
      '.inf',
    ],
    count: 200,
    longCount: 20_000,
    run: (input) => {
      const read = parsePolicy(input.toString())
      assert.deepEqual(parsePolicy(printPolicy(read)), read)
    },
  })
})
