// Mutated fragments: header and footer alone, and a whole file as a restore opens and reads it.
import assert from 'node:assert/strict'
import { NbError } from '@nb/contracts'
import type { FragmentRecord } from '@nb/contracts'
import { createDiskStore } from '@nb/media-disk'
import {
  END_OF_ARCHIVE,
  BlockChecksums,
  decodeFragmentFooter,
  decodeFragmentHeader,
  encodeFragmentHeader,
  encodeFragmentTrailer,
} from '@nb/formats'
import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import {
  goldenArchive,
  goldenFileList,
  goldenFragment,
  fragment as goldenHead,
} from '../../packages/formats/test/support/golden.ts'
import { openFragmentReader } from '../../packages/media-disk/src/fragment-reader.ts'
import { MARKER_NAME } from '../../packages/media-disk/src/marker.ts'
import { fuzz } from './engine/fuzz.ts'
import { otherProperty, resealAll, resealContents, resealFragment } from './repairs/fragment.ts'
import { oneFile } from './support/one-file.ts'

t.setTimeout(3_600_000)

function fragment(blockBytes: number, payload: Buffer, lastFragment: boolean): Buffer {
  const header = encodeFragmentHeader({ ...goldenHead, blockBytes })
  const blocks = new BlockChecksums(blockBytes)
  blocks.update(payload)
  const trailer = encodeFragmentTrailer({
    header,
    payloadBytes: payload.length,
    endsAtMemberBoundary: true,
    lastFragment,
    image: { backupId: goldenHead.backupId },
    files: [goldenFileList()],
    blocks: blocks.finish(),
  })
  return Buffer.concat([header, payload, ...trailer])
}

const payload = goldenArchive().subarray(0, -END_OF_ARCHIVE.length)
const seeds = [
  goldenFragment(goldenFileList()),
  fragment(512, payload, false),
  fragment(262_144, payload, true),
  fragment(1024, Buffer.alloc(0), true),
]
const repairs = [resealFragment, resealContents, resealAll, otherProperty]
const dictionary = [
  '.nb/FRAGMENT.json\0',
  '.nb/FOOTER.json\0',
  '"payloadBytes":',
  '"blockBytes":1',
  'nb-disk/',
  '}',
  '{',
  '"',
]

t.test('mutated headers and footers are what they say, or refused with a FormatError', async (t) => {
  await fuzz(t, {
    name: 'fragment-ends',
    seeds: seeds.flatMap((bytes) => [bytes.subarray(0, 8192), bytes.subarray(-5120)]),
    repairs,
    dictionary,
    count: 300,
    longCount: 100_000,
    run: (input) => {
      if (input.toString('latin1', 0, 12) === '.nb/FRAGMENT') {
        const header = decodeFragmentHeader(input)
        assert.deepEqual(decodeFragmentHeader(encodeFragmentHeader(header)), header)
        return
      }
      const { payloadBytes, blockBytes, members } = decodeFragmentFooter(input)
      const [, , blocks] = members
      assert.equal(blocks?.sizeBytes, Math.ceil(payloadBytes / blockBytes) * 8)
    },
  })
})

t.test('a mutated fragment is read to an end, or fragment-corrupt', async (t) => {
  const identity = {
    storageUnit: 'disk1',
    backupId: goldenHead.backupId,
    copy: 1,
    number: 2,
    path: '/unit/1-2.nbf',
  }
  let turn = 0
  await fuzz(t, {
    name: 'fragment',
    seeds,
    repairs,
    dictionary,
    count: 300,
    longCount: 100_000,
    run: async (input) => {
      const files = oneFile(identity.path, input)
      const record: FragmentRecord = {
        number: 2,
        streamOffset: goldenHead.streamOffset,
        streamBytes: payload.length,
        wholeMembers: true,
        blockBytes: 1024,
      }
      // With what the catalog knows, and without it, as an import does.
      const reader = await openFragmentReader(
        await files.open(identity.path, 'read'),
        identity,
        turn++ % 2 === 0 ? record : undefined,
      )
      try {
        const { payloadBytes } = decodeFragmentFooter(input.subarray(-5120), { fileBytes: input.length })
        let bytes = 0
        for await (const chunk of reader.read({ offset: 0, bytes: payloadBytes })) bytes += chunk.length
        assert.equal(bytes, payloadBytes)
      } finally {
        await reader.close()
      }
    },
  })
})

t.test('a mutated marker of a storage unit is its own, or media-open-failed', async (t) => {
  const marker = { format: 'nb-disk-unit/1', storageUnit: 'disk1', created: '2026-01-01T00:00:00.000Z' }
  const clock = createVirtualClock()
  await fuzz(t, {
    name: 'unit-marker',
    seeds: [Buffer.from(`${JSON.stringify(marker, null, 2)}\n`)],
    dictionary: ['nb-disk-unit/', 'disk1', 'null', '[]', '{}', '"', '\xff'],
    count: 200,
    longCount: 20_000,
    run: async (input) => {
      const files = oneFile(`/unit/${MARKER_NAME}`, input)
      const store = createDiskStore(
        { files, clock },
        { storageUnit: 'disk1', directory: '/unit', mustExist: true },
      )
      await store.start().catch((error: unknown) => {
        // Only what looks into the folder afterwards: the file system here can't be written.
        if (error instanceof NbError) throw error
        assert.match(String(error), /only read/)
      })
    },
  })
})
