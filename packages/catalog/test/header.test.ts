import { readFile } from 'node:fs/promises'
import { type ImageRecord, toPath } from '@nb/contracts'
import t from 'tap'
import { decodeHeader, encodeHeader } from '../src/header.ts'

const golden = new URL('golden/header-1.golden', import.meta.url)
const image: ImageRecord = {
  version: 1,
  backupId: 'web1_1767225600',
  state: 'complete',
  jobId: 'job-1',
  client: 'web1',
  policy: 'daily',
  schedule: 'incremental',
  scheduleType: 'differential',
  backupTime: 1_767_225_600_123,
  selections: [toPath('/data'), toPath('/odd-\udcff')],
  retentionLevel: 1,
  expiresAt: 1_768_435_200_123,
  referenceId: 'web1_1767139200',
  neededImages: ['web1_1767139200'],
  completedAt: 1_767_225_700_000,
  status: 1,
  counts: { entries: 12, storedEntries: 3, bytes: 4096, streamBytes: 10_240, warnings: 1 },
  copies: [
    {
      copy: 1,
      storageUnit: 'disk1',
      mediaServer: 'media1',
      fragments: [
        { number: 1, streamOffset: 0, streamBytes: 10_240, wholeMembers: true, blockBytes: 65_536 },
      ],
    },
  ],
}

t.test('headers of version 1 are read for ever, and written as they always were', async (t) => {
  const content = await readFile(golden)
  t.same(decodeHeader(content, image.backupId, '/header.json'), image)
  t.equal(encodeHeader(image).toString(), content.toString())
})

t.test('a field that a later minor version added is kept', async (t) => {
  const extended = { ...image, colour: 'green' }
  t.same(decodeHeader(encodeHeader(extended), image.backupId, '/header.json'), extended)
})

t.test('a newer major version is refused clearly', async (t) => {
  const content = encodeHeader(image).toString().replace('nb-image/1', 'nb-image/2')
  t.throws(() => decodeHeader(Buffer.from(content), image.backupId, '/header.json'), {
    code: 'version-unsupported',
    details: { backupId: image.backupId, format: 'nb-image/2' },
  })
})

t.test('every damage is found', async (t) => {
  const right = encodeHeader(image)
  const damaged = (content: Buffer | string, id = image.backupId): unknown =>
    t.throws(() => decodeHeader(Buffer.from(content), id, '/header.json'), {
      code: 'store-corrupt',
      details: { backupId: id, path: '/header.json' },
    })
  damaged('')
  damaged('null')
  damaged('{}')
  damaged(right.subarray(0, -10))
  damaged(right.toString().replace('"daily"', '"dairy"'))
  damaged(right, 'web1_5')
  damaged(encodeHeader({ ...image, backupTime: 'now' } as unknown as ImageRecord))
  damaged(encodeHeader({ ...image, state: 'lost' } as unknown as ImageRecord))
  damaged(encodeHeader({ ...image, copies: [{}] } as unknown as ImageRecord))
  // No flipped bit gives another record.
  for (let at = 0; at < right.length; at++) {
    const flipped = Buffer.from(right)
    flipped[at] = (flipped[at] ?? 0) ^ 1
    try {
      const read = decodeHeader(flipped, image.backupId, '/header.json')
      // What is left are spaces that became other spaces, which JSON does not count.
      t.same(read, image)
    } catch (error) {
      t.match(error, { name: 'NbError', code: /store-corrupt|version-unsupported/ })
    }
  }
})

t.test('spaces do not count, so that a person may lay it out anew', async (t) => {
  const content = JSON.stringify(JSON.parse(encodeHeader(image).toString()))
  t.same(decodeHeader(Buffer.from(content), image.backupId, '/header.json'), image)
})
