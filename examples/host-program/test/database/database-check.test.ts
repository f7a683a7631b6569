import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Level } from 'level'
import t from 'tap'
import { checkDatabase } from '../../src/database/check/check-database.ts'
import { crc32c } from '../../src/database/check/crc32c.ts'
import { unpackSnappy } from '../../src/database/check/snappy.ts'
import { scratch } from '../../../all-in-one/test/support/run-example.ts'

if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

t.test('checksums and packed blocks are as their specifications say', async (t) => {
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283, 'the check value of CRC-32C')
  t.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43, 'RFC 3720, B.4')
  // "abcabcabc": three literal bytes, then a copy of six from three back.
  t.same(
    unpackSnappy(Buffer.from([9, 2 << 2, 0x61, 0x62, 0x63, ((6 - 4) << 2) | 1, 3]), 100)?.toString(),
    'abcabcabc',
  )
  t.equal(unpackSnappy(Buffer.from([9, 2 << 2, 0x61, 0x62, 0x63, ((6 - 4) << 2) | 1, 4]), 100), undefined)
  t.equal(
    unpackSnappy(Buffer.from([0xff, 0xff, 0xff, 0x7f]), 100),
    undefined,
    'nothing is unpacked beyond the limit',
  )
})

/** What Level has on Node and its declarations leave out. */
interface Compacting {
  compactRange(start: string, end: string): Promise<void>
}

/** A database with tables on two levels and records in its log. */
async function makeDatabase(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  for (let round = 0; round < 3; round++) {
    const level = new Level<string, string>(folder)
    await level.open()
    for (let key = 0; key < 300; key++)
      await level.put(`key-${round}-${key}`, `value ${key} `.repeat(1 + (key % 30)))
    if (round === 1) await (level as unknown as Compacting).compactRange('a', 'z')
    await level.put(
      'incompressible',
      Buffer.from(Array.from({ length: 900 }, (_, at) => (at * 7919) % 251)).toString('latin1'),
    )
    await level.close()
  }
}

t.test('a database that was written and closed has no fault, whatever is in it', async (t) => {
  const folder = join(scratch('database-check'), 'database')
  t.same(await checkDatabase(folder), { faults: [], silentBytes: 0 }, 'none is there')
  await makeDatabase(folder)
  t.ok(readdirSync(folder).some((name) => name.endsWith('.ldb')))
  t.same(await checkDatabase(folder), { faults: [], silentBytes: 0 })
})

t.test('a flipped bit anywhere in what a database is made of is found', async (t) => {
  const folder = join(scratch('database-flip'), 'database')
  await makeDatabase(folder)
  const [stride, atEdges] = process.env['NB_LONG'] === '1' ? [1, 1] : [401, 11]
  for (const name of readdirSync(folder).filter((name) => /\.(ldb)$|^MANIFEST|^CURRENT$/.test(name))) {
    const bytes = readFileSync(join(folder, name))
    const missed: number[] = []
    let tried = 0
    for (let at = 0; at < bytes.length; at += at < 60 || at > bytes.length - 200 ? atEdges : stride) {
      const flipped = Buffer.from(bytes)
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8))
      writeFileSync(join(folder, name), flipped)
      tried++
      if ((await checkDatabase(folder)).faults.length === 0) missed.push(at)
    }
    writeFileSync(join(folder, name), bytes)
    t.same(missed, [], `${name}: ${tried} flips`)
  }
})

t.test('a length in the log that hides what follows is no torn end', async (t) => {
  const folder = join(scratch('database-log'), 'database')
  const level = new Level<string, string>(folder)
  await level.open()
  for (let key = 0; key < 20; key++) await level.put(`key ${key}`, 'value')
  await level.close()
  const log = join(folder, readdirSync(folder).find((name) => name.endsWith('.log')) ?? '')
  const bytes = readFileSync(log)
  t.equal((await checkDatabase(folder)).silentBytes, 0)
  const flipped = Buffer.from(bytes)
  flipped[5] = 0x40
  writeFileSync(log, flipped)
  t.equal((await checkDatabase(folder)).silentBytes, bytes.length, 'the first record')
  const last = Buffer.from(bytes)
  const at = last.lastIndexOf('key 19')
  // Its head of 7 bytes, then sequence, count, kind and length of the key.
  last[at - 14 - 7 + 5] = 0x40
  writeFileSync(log, last)
  t.ok((await checkDatabase(folder)).silentBytes > 0, 'the last record')
  writeFileSync(log, bytes.subarray(0, bytes.length - 4))
  t.equal((await checkDatabase(folder)).silentBytes, 0, 'a torn end is what a crash leaves')
  rmSync(folder, { recursive: true })
})
