import type { FragmentRecord, FragmentTrailer, MountedMedium, NewFragment } from '@nb/contracts'
import { FileListDecoder } from '@nb/formats'
import fc from 'fast-check'
import t from 'tap'
import { FragmentRow } from '../../src/media/fragment-row.ts'
import { isFull, splitRule } from '../../src/media/fragment-split.ts'
import { KeptFileList } from '../../src/media/kept-file-list.ts'
import { filesOf, makeImage } from './made-image.ts'
import { backupId, createWorld } from './world.ts'

t.test('the rule: an eighth of the size, at most 64 MiB, is left to find a member', (t) => {
  t.same(splitRule(2 ** 20), { hardBytes: 2 ** 20, softBytes: 2 ** 20 - 2 ** 17 })
  t.same(splitRule(2 ** 40), { hardBytes: 2 ** 40, softBytes: 2 ** 40 - 2 ** 26 })
  t.same(splitRule(1_000_001), { hardBytes: 999_936, softBytes: 999_936 - 124_992 })
  t.throws(() => splitRule(1000), TypeError)
  const rule = splitRule(2 ** 20)
  const fill = { storedBytes: 0, atBoundary: true, fileListBytes: 0 }
  t.equal(isFull(fill, rule, 100), false)
  t.equal(isFull({ ...fill, fileListBytes: 100 }, rule, 100), false, 'an empty fragment is not closed')
  t.equal(isFull({ ...fill, storedBytes: 512, fileListBytes: 100 }, rule, 100), true)
  t.equal(isFull({ ...fill, storedBytes: rule.softBytes - 512 }, rule, 100), false)
  t.equal(isFull({ ...fill, storedBytes: rule.softBytes }, rule, 100), true)
  t.equal(isFull({ ...fill, storedBytes: rule.softBytes, atBoundary: false }, rule, 100), false)
  t.equal(isFull({ ...fill, storedBytes: rule.hardBytes, atBoundary: false }, rule, 100), true)
  t.end()
})

interface Written {
  readonly begun: NewFragment
  readonly bytes: number
  readonly trailer: FragmentTrailer
}

/** A medium that remembers. */
function memoryMedium(): { readonly medium: MountedMedium; readonly written: Written[] } {
  const written: Written[] = []
  const createFragment: MountedMedium['createFragment'] = async (begun) => {
    let bytes = 0
    return {
      write: async (chunk) => void (bytes += chunk.length),
      writeFrame: () => Promise.reject(new Error('nothing is compressed')),
      get streamBytes() {
        return bytes
      },
      get storedBytes() {
        return bytes
      },
      commit: async (trailer): Promise<FragmentRecord> => {
        written.push({ begun, bytes, trailer })
        const { number, streamOffset, startsAtMember } = begun
        const wholeMembers = startsAtMember && trailer.endsAtMember
        return { number, streamOffset, streamBytes: bytes, wholeMembers, blockBytes: 262_144 }
      },
      discard: async () => undefined,
    }
  }
  const openFragment = (): Promise<never> => Promise.reject(new Error('nothing is read'))
  return {
    written,
    medium: { createFragment, openFragment, describeFragment: openFragment, unmount: async () => undefined },
  }
}

t.test(
  'fragments follow without a gap, within the bound, and are cut inside a member only where they must',
  async (t) => {
    const { image } = (await createWorld(t.testdir())).backupSpec()
    const sizes = fc.array(fc.oneof(fc.nat({ max: 3000 }), fc.nat({ max: 25_000 })), { maxLength: 15 })
    const maxBytes = fc.integer({ min: 16 * 512, max: 30_000 })
    await fc.assert(
      fc.asyncProperty(
        sizes,
        maxBytes,
        fc.integer({ min: 1, max: 9000 }),
        async (lengths, max, chunkBytes) => {
          const made = makeImage(backupId, filesOf(lengths))
          const { medium, written } = memoryMedium()
          const rule = splitRule(max)
          const copy = { copy: 1, storageUnit: 'disk1', mediaServer: 'media1' }
          const kept = new KeptFileList()
          const parts = { medium, image, copy, rule, kept, mostFileListBytes: 2 ** 30, now: () => 0 }
          const row = new FragmentRow(parts)
          for (let at = 0; at < made.stream.length; at += chunkBytes)
            await row.write(made.stream.subarray(at, at + chunkBytes))
          const { fragments } = await row.finish(made.counts)
          const starts = new Set([
            ...made.records.map(({ memberOffset }) => memberOffset),
            made.stream.length,
          ])
          let offset = 0
          for (const [index, { begun, bytes, trailer }] of written.entries()) {
            const end = offset + bytes
            const last = index === written.length - 1
            if (begun.streamOffset !== offset || begun.number !== index + 1 || bytes > rule.hardBytes)
              return false
            if (begun.startsAtMember !== starts.has(offset) || trailer.endsAtMember !== starts.has(end))
              return false
            if (trailer.last !== last) return false
            // A fragment that is not the last is cut inside a member only at full length, and is never much too short.
            if (!last && !starts.has(end) && bytes !== rule.hardBytes) return false
            if (!last && bytes < rule.softBytes) return false
            const inSlack = [...starts].some((start) => start >= offset + rule.softBytes && start < end)
            if (inSlack) return false
            offset = end
          }
          return offset === made.stream.length && fragments.length === written.length
        },
      ),
      { numRuns: 100 },
    )
  },
)

t.test('each trailer has a list that can be read alone', async (t) => {
  const { image } = (await createWorld(t.testdir())).backupSpec()
  const made = makeImage(backupId, filesOf([20_000, 20_000, 20_000]), { batchBytes: 64 })
  const { medium, written } = memoryMedium()
  const kept = new KeptFileList()
  const headerBytes = made.list.length - (made.list.length - made.list.indexOf('nbFB'))
  kept.add(made.list.subarray(0, headerBytes))
  const copy = { copy: 1, storageUnit: 'disk1', mediaServer: 'media1' }
  const rule = splitRule(24_000)
  const row = new FragmentRow({ medium, image, copy, rule, kept, mostFileListBytes: 2 ** 30, now: () => 0 })
  await row.write(made.stream.subarray(0, 20_000))
  kept.add(made.list.subarray(headerBytes))
  await row.write(made.stream.subarray(20_000))
  await row.finish(made.counts)
  const entries = written.map(({ trailer }) => {
    let count = 0
    const decoder = new FileListDecoder()
    for (const piece of trailer.fileList) decoder.push(piece, { onRecord: () => void (count += 1) })
    decoder.finish()
    return count
  })
  t.equal(entries.length, 3)
  t.same(entries, [3, 0, 0])
  const records = written.map(
    ({ trailer }) => trailer.image as { copies: { fragments: unknown[] }[]; counts?: object },
  )
  t.same(
    records.map(({ copies }) => copies[0]?.fragments.length),
    [0, 1, 2],
    'the record so far',
  )
  t.same(records.at(-1)?.counts, made.counts)
})

t.test(
  'what is kept of a list is given to a fragment of its own where no data comes, but not inside a member',
  async (t) => {
    const { image } = (await createWorld(t.testdir())).backupSpec()
    const made = makeImage(backupId, filesOf([20_000, 20_000]), { batchBytes: 64 })
    const { medium, written } = memoryMedium()
    const kept = new KeptFileList()
    kept.add(made.list)
    const copy = { copy: 1, storageUnit: 'disk1', mediaServer: 'media1' }
    const parts = { medium, image, copy, rule: splitRule(1_000_000), kept, now: () => 0 }
    const row = new FragmentRow({ ...parts, mostFileListBytes: kept.bytes })
    await row.write(made.stream.subarray(0, 10_000))
    await row.relieve()
    t.equal(written.length, 0, 'the data stands inside a member')
    const whole = row.write(made.stream.subarray(10_000))
    await Promise.all([whole, row.relieve()])
    t.equal(written.length, 1, 'the write itself has ended it at the next member')
    t.equal(kept.bytes, 0)
    await row.relieve()
    t.equal(written.length, 1, 'little is kept')
    for (const count of [2, 3]) {
      kept.add(made.list)
      await Promise.all([row.relieve(), row.relieve()])
      t.equal(written.length, count, 'asked twice at once, once')
    }
    await row.finish(made.counts)
    const half = made.stream.length / 2
    t.same(
      written.map(({ bytes }) => bytes),
      [half, half, 0, 0],
    )
  },
)
