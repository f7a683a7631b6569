import { NbError } from '@nb/contracts'
import { TAPE_BLOCK_BYTES } from '@nb/formats'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { tapeRig } from './tape-rig.ts'
import { blocks, endOf, fragmentOf, mounted, noise, put, readAll, trailerOf } from './writing.ts'

t.test('fragments follow one another over mounts, and the volume always has its end', async (t) => {
  const rig = await tapeRig()
  const payloads = [noise(1, 512), blocks(2, 2), noise(3, 300_032), Buffer.alloc(0)]
  const records = []
  for (const [index, payload] of payloads.entries()) {
    const medium = await mounted(rig, 'write')
    records.push(await put(medium, fragmentOf(index), payload))
    t.equal((await rig.volume()).files, index + 3, 'known before it is reported')
    await medium.unmount()
    t.match(await endOf(rig), { file: index + 3, fragments: index + 1, full: false })
  }
  t.same(
    records.map(({ filemark, headerBlock, footerBlock }) => [filemark, headerBlock, footerBlock]),
    // Header, payload, trailer and footer, with the filemark: 2 more than the blocks of payload and trailer.
    [
      [2, 5, 8],
      [3, 10, 14],
      [4, 16, 20],
      [5, 22, 24],
    ],
  )
  const medium = await mounted(rig, 'read')
  for (const index of [2, 0, 3, 1])
    t.ok((await readAll(medium, fragmentOf(index), records[index]!)).equals(payloads[index]!))
  await medium.unmount()
  const found = await rig.contents()
  t.same(
    found.map((one) => one.kind === 'fragment' && one.fragment),
    records,
  )
  t.ok(rig.lines.some(({ text }) => /^volume A00001 is mounted in drive drive1/.test(text)))
})

t.test('what ends inside a member ends with a block, and the rest is left', async (t) => {
  const rig = await tapeRig()
  const medium = await mounted(rig, 'write')
  const payload = noise(1, 2 * TAPE_BLOCK_BYTES + 1536)
  const writer = await medium.createFragment(fragmentOf(1))
  await writer.write(payload)
  const record = await writer.commit(trailerOf(fragmentOf(1), { endsAtMember: false, last: true }))
  t.equal(record.streamBytes, 2 * TAPE_BLOCK_BYTES)
  const [rest] = writer.left ?? []
  t.ok(Buffer.from(rest as Uint8Array).equals(payload.subarray(record.streamBytes)))
  const [found] = await collect(medium.contents?.() ?? missing())
  t.match(
    found,
    { kind: 'fragment', last: false, fragment: record },
    'more is to come, so it is not the last',
  )
  await medium.unmount()
})

t.test('what the media manager did not hear of is found by reading', async (t) => {
  let isDeaf = false
  const rig = await tapeRig({}, undefined, (media) => ({
    ...media,
    recordVolumeFiles: async (input) => {
      if (isDeaf) throw new NbError('media-server-unreachable', 'nobody answers')
      await media.recordVolumeFiles(input)
    },
  }))
  const medium = await mounted(rig, 'write')
  await put(medium, fragmentOf(1), noise(1, 1024))
  isDeaf = true
  const second = await put(medium, fragmentOf(2), noise(2, 1024))
  t.equal((await rig.volume()).files, 3)
  await rig.reopen()
  await medium.unmount()
  isDeaf = false
  const again = await mounted(rig, 'write')
  const third = await put(again, fragmentOf(3), noise(3, 1024))
  t.same([second.filemark, third.filemark], [3, 4])
  t.equal((await rig.volume()).files, 5)
  t.ok((await readAll(again, fragmentOf(2), second)).equals(noise(2, 1024)))
  await again.unmount()
  t.match(await endOf(rig), { file: 5, fragments: 3 })
})

t.test('an end that is not the one of the last fragment is not appended to', async (t) => {
  const rig = await tapeRig()
  const medium = await mounted(rig, 'write')
  const record = await put(medium, fragmentOf(1), noise(1, 1024))
  await medium.unmount()
  rig.cartridges.flip('A00001L8', record.footerBlock as number, 700)
  const again = await mounted(rig, 'write')
  await t.rejects(again.createFragment(fragmentOf(2)), { code: 'media-open-failed', retryable: false })
  await again.unmount()
  const reading = await mounted(rig, 'read')
  const wanted = { ...fragmentOf(1), fragment: record }
  await t.rejects(reading.openFragment(wanted), { code: 'fragment-corrupt' })
  t.match(await collect(reading.contents?.() ?? missing()), [{ kind: 'damaged', filemark: 2 }])
  await reading.unmount()
})

t.test('an allocation of something else is not mounted', async (t) => {
  const rig = await tapeRig()
  await t.rejects(
    rig.store.mount({ allocation: { ...rig.allocation('write'), storageUnit: 'x' }, jobId: '1' }),
    { code: 'media-open-failed' },
  )
  const disk = { ...rig.allocation('write'), medium: { kind: 'disk', maxFragmentBytes: 1 } } as const
  await t.rejects(rig.store.mount({ allocation: disk, jobId: '1' }), { code: 'media-open-failed' })
})

function missing(): never {
  throw new Error('a tape tells what is on it')
}
