// Mutated plans and archives through the real extractor, into a real directory: nothing beside it is ever touched.
import { readdirSync } from 'node:fs'
import type { FileRecord } from '@nb/formats'
import t from 'tap'
import {
  encodePlan,
  extractBytes,
  framedRanges,
} from '../../packages/transfer/test/client/extract-in-thread.ts'
import { RANGE_FRAME_BYTES } from '../../packages/transfer/src/range-frame.ts'
import type { Random } from './engine/mutate.ts'
import { fuzz } from './engine/fuzz.ts'
import { otherPart, resealList } from './repairs/file-list.ts'
import { otherHeader, otherRecords, resealTar } from './repairs/tar.ts'
import { Ground, escapedName, hostileEntry } from './support/hostile-restore.ts'

t.setTimeout(3_600_000)

/** A plan and the data channel that goes with it: four bytes that tell the plan's length, the plan, the channel. */
function inputOf(plan: Buffer, data: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32LE(plan.length)
  return Buffer.concat([head, plan, data])
}

function partsOf(input: Buffer): [Buffer, Buffer] {
  const cut = input.length < 4 ? input.length : 4 + Math.min(input.readUInt32LE(0), input.length - 4)
  return [Buffer.from(input.subarray(Math.min(4, cut), cut)), Buffer.from(input.subarray(cut))]
}

/** Changes what stands in each range of the channel; frames tell the new lengths. */
function eachRange(data: Buffer, change: (range: Buffer) => Buffer): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at + RANGE_FRAME_BYTES <= data.length;) {
    const bytes = Number(data.readBigUInt64LE(at + 16))
    const range = change(Buffer.from(data.subarray(at + RANGE_FRAME_BYTES, at + RANGE_FRAME_BYTES + bytes)))
    const head = Buffer.from(data.subarray(at, at + RANGE_FRAME_BYTES))
    head.writeUInt32LE(0x4652626e, 0)
    head.writeBigUInt64LE(BigInt(range.length), 16)
    pieces.push(head, range)
    at += RANGE_FRAME_BYTES + bytes
  }
  return Buffer.concat(pieces)
}

const repairs = [
  (input: Buffer, random: Random): Buffer => {
    const [plan, data] = partsOf(input)
    return inputOf(otherPart(plan, random), eachRange(data, resealTar))
  },
  (input: Buffer, random: Random): Buffer => {
    const [plan, data] = partsOf(input)
    const change = random() < 0.5 ? otherHeader : otherRecords
    return inputOf(
      resealList(plan),
      eachRange(data, (range) => (random() < 0.5 ? resealTar(range) : change(range, random))),
    )
  },
]

const dictionary = [
  ...[
    '/..',
    '/../',
    '..',
    `/../${escapedName}`,
    `/../../../../${escapedName}`,
    `/../outside/${escapedName}`,
    '/.',
    '//',
  ],
  ...['/link', '/link/x', `/link/${escapedName}`, '\0', '../outside', '/tmp', 'SCHILY.xattr.', '/\xff'],
]

t.test(
  'whatever a plan and an archive say, a restore stays within its target and ends with a typed error',
  async (t) => {
    const ground = new Ground()
    t.teardown(() => ground.remove())
    const entries = [
      ['directory', {}, '/d', {}],
      [
        'file',
        { xattrs: [{ name: Buffer.from('user.a'), value: Buffer.from('b') }] },
        '/d/file',
        { linkCount: 2 },
      ],
      ['symlink', { linkTarget: Buffer.from(ground.outside) }, '/link', {}],
      ['file', {}, '/link/through', {}],
      ['symlink', { linkTarget: Buffer.from('../outside/treasure') }, '/treasure', {}],
      ['fifo', {}, '/pipe', {}],
      ['character-device', { deviceMajor: 1, deviceMinor: 3 }, '/null', {}],
      ['hardlink', { linkTarget: Buffer.from('../outside/treasure') }, '/hard', {}],
      ['file', {}, `/../outside/${escapedName}`, {}],
      ['file', {}, '/z', {}],
    ] as const
    const plan: FileRecord[] = []
    const archive: Buffer[] = []
    let offset = 0
    entries.forEach(([kind, member, to, planned], index) => {
      const { bytes, record } = hostileEntry(offset, index, { kind, ...member }, Buffer.from(to), planned)
      plan.push(record)
      archive.push(bytes)
      offset += bytes.length
    })
    // A further name of a file that was restored before.
    const second = plan[1]
    if (second !== undefined) plan.push({ ...second, path: Buffer.from('/y') })
    const seeds = [plan, plan.slice(0, 3), plan.slice(2, 5), plan.slice(9)].map((records) =>
      inputOf(encodePlan(records, 1), framedRanges(records, [Buffer.concat(archive)])),
    )
    const descriptors = (): number => readdirSync('/proc/self/fd').length
    const before = descriptors()
    let turn = 0
    await fuzz(t, {
      name: 'extractor',
      seeds,
      repairs,
      dictionary,
      count: 120,
      longCount: 60_000,
      run: (input) => {
        const [planBytes, data] = partsOf(input)
        const ifExists = (['fail', 'skip', 'overwrite'] as const)[turn++ % 3] ?? 'fail'
        try {
          const { totals } = extractBytes(ground.target, planBytes, data, { ifExists })
          for (const count of [totals.entries, totals.bytes, totals.skipped, totals.failed])
            if (!Number.isSafeInteger(count) || count < 0) throw new TypeError('a total that is no count')
        } finally {
          ground.check()
        }
      },
    })
    t.ok(descriptors() <= before + 2, 'no descriptor stays open')
  },
)
