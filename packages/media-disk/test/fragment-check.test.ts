import { readFileSync } from 'node:fs'
import type { OpenFile } from '@nb/contracts'
import {
  HEADER_BYTES,
  decodeFragmentFooter,
  decodeFragmentHeader,
  encodeFragmentHeader,
  framedHeaderBytes,
} from '@nb/formats'
import t from 'tap'
import { resealFragment } from '../../../test/fuzz/repairs/fragment.ts'
import { checkFragment } from '../src/fragment-check.ts'
import { openFragmentReader } from '../src/fragment-reader.ts'

/** A fragment whose bytes never change: what was written once must be readable for ever. */
const golden = readFileSync(new URL('../../formats/test/golden/nb-disk-1.bin', import.meta.url))
const header = decodeFragmentHeader(golden)
const footer = decodeFragmentFooter(golden.subarray(-5120))
const payloadEnd = HEADER_BYTES + footer.payloadBytes
const identity = {
  storageUnit: 'disk1',
  backupId: header.backupId,
  copy: header.copy,
  number: header.fragment,
  path: '/nowhere',
}

function fileOf(bytes: Buffer): OpenFile {
  const refuse = async (): Promise<never> => Promise.reject(new Error('a reader does not write'))
  return {
    read: async (target, position) => bytes.copy(target, 0, position, position + target.length),
    size: async () => bytes.length,
    close: async () => undefined,
    write: refuse,
    sync: refuse,
    truncate: refuse,
  }
}

async function readAll(bytes: Buffer): Promise<number> {
  const reader = await openFragmentReader(fileOf(bytes), identity)
  let count = 0
  for await (const chunk of reader.read({ offset: 0, bytes: footer.payloadBytes })) count += chunk.length
  return count
}

t.test('the golden fragment is good', async (t) => {
  t.match(await checkFragment(fileOf(golden), identity), { footer: { payloadBytes: footer.payloadBytes } })
  t.equal(await readAll(golden), footer.payloadBytes)
})

t.test('a flipped bit anywhere is found', async (t) => {
  const bytes = Buffer.from(golden)
  const missed: number[] = []
  for (let at = 0; at < bytes.length; at++) {
    // In the long rows of padding and payload a sample does; near every edge it is every byte.
    const inPadding = at > 1200 && at < HEADER_BYTES - 16
    const inPayload = at > HEADER_BYTES + 16 && at < payloadEnd - 16
    if ((inPadding || inPayload) && at % 97 !== 0) continue
    const bit = 1 << (at % 8)
    bytes[at] = (bytes[at] as number) ^ bit
    const check =
      at >= HEADER_BYTES && at < payloadEnd ? readAll(bytes) : checkFragment(fileOf(bytes), identity)
    const found = await check.then(
      () => 'nothing',
      (error: unknown) => (error as { code?: string }).code,
    )
    if (found !== 'fragment-corrupt') missed.push(at)
    bytes[at] = (bytes[at] as number) ^ bit
  }
  t.same(missed, [])
})

t.test('a fragment cut short anywhere is found', async (t) => {
  for (let length = 0; length < golden.length; length += length < 10_000 ? 500 : 4096)
    await t.rejects(checkFragment(fileOf(golden.subarray(0, length)), identity), { code: 'fragment-corrupt' })
  const longer = Buffer.concat([golden, Buffer.alloc(512)])
  await t.rejects(checkFragment(fileOf(longer), identity), { code: 'fragment-corrupt' })
})

t.test('a good fragment of something else is not taken', async (t) => {
  const wrong = [{ backupId: 'other_1' }, { copy: 2 }, { number: 99 }]
  for (const part of wrong)
    await t.rejects(checkFragment(fileOf(golden), { ...identity, ...part }), { code: 'fragment-corrupt' })
})

t.test(
  'a header and a footer that are each whole but of other block sizes are of no one fragment',
  async (t) => {
    const bytes = Buffer.from(golden)
    encodeFragmentHeader({ ...header, blockBytes: header.blockBytes * 2 }).copy(bytes)
    await t.rejects(checkFragment(fileOf(resealFragment(bytes)), identity), {
      code: 'fragment-corrupt',
      message: /different fragments/,
    })
  },
)

t.test('a read outside the fragment, or two at once, is a mistake of the caller', async (t) => {
  const reader = await openFragmentReader(fileOf(golden), identity)
  const read = (offset: number, bytes: number): AsyncIterator<Uint8Array> =>
    reader.read({ offset, bytes })[Symbol.asyncIterator]()
  await t.rejects(read(0, footer.payloadBytes + 1).next(), TypeError)
  await t.rejects(read(-1, 1).next(), TypeError)
  const first = read(0, 512)
  await first.next()
  await t.rejects(read(0, 512).next(), TypeError)
  await first.return?.()
  const next = await read(0, 512).next()
  t.equal(next.done === true ? undefined : next.value.length, 512)
})

for (const compression of ['zstd', 'gzip'] as const) {
  t.test(`${compression}: the golden fragment is good, and a flipped bit anywhere is found`, async (t) => {
    const bytes = readFileSync(
      new URL(`../../formats/test/golden/nb-disk-2-${compression}.bin`, import.meta.url),
    )
    const { storedBytes, payloadBytes } = decodeFragmentFooter(bytes, { compression })
    t.equal(payloadBytes, footer.payloadBytes)
    t.equal(await readAll(bytes), payloadBytes)
    const begin = framedHeaderBytes(compression)
    const missed: number[] = []
    // A sample, and every byte where a part begins or ends.
    const edges = [0, begin, begin + storedBytes, bytes.length - 5120, bytes.length]
    for (let at = 0; at < bytes.length; at++) {
      if (at % 23 !== 0 && !edges.some((edge) => Math.abs(edge - at) < 40)) continue
      const bit = 1 << (at % 8)
      bytes[at] = (bytes[at] as number) ^ bit
      const isPayload = at >= begin && at < begin + storedBytes
      const found = await (isPayload ? readAll(bytes) : checkFragment(fileOf(bytes), identity)).then(
        () => 'nothing',
        (error: unknown) => (error as { code?: string }).code,
      )
      if (found !== 'fragment-corrupt') missed.push(at)
      bytes[at] = (bytes[at] as number) ^ bit
    }
    t.same(missed, [])
    for (let length = 0; length < bytes.length; length += 997)
      await t.rejects(checkFragment(fileOf(bytes.subarray(0, length)), identity), {
        code: 'fragment-corrupt',
      })
  })
}
