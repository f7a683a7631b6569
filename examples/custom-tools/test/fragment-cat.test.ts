import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock, systemFiles } from '@nb/contracts'
import { HEADER_BYTES, encodeMember } from '@nb/formats'
import { createDiskStore } from '@nb/media-disk'
import t from 'tap'
import { tool } from './run-tool.ts'

const names = ['etc/motd', 'etc/hosts', 'etc/passwd', 'srv/data']

/** An image of four files in two fragments, stored by the disk store itself. */
async function store(directory: string): Promise<string[]> {
  const disk = createDiskStore(
    { files: systemFiles(), clock: systemClock() },
    { storageUnit: 'disk1', directory, blockBytes: 1024 },
  )
  await disk.start()
  const medium = { kind: 'disk', maxFragmentBytes: 2 ** 30 } as const
  const allocation = { allocationId: 'a1', jobId: '1', storageUnit: 'disk1', mediaServer: 'media1', since: 0 }
  const mounted = await disk.mount({
    jobId: '1',
    flow: 'backup',
    allocation: { ...allocation, purpose: 'write', medium },
  })
  const image = { backupId: 'web1_1767225600', copy: 1, client: 'web1', policy: 'etc', schedule: 'full' }
  let streamOffset = 0
  for (const number of [1, 2]) {
    const fragment = { ...image, number, streamOffset, startsAtMember: true, createdAt: 0 }
    const writer = await mounted.createFragment(fragment)
    for (const name of names.slice(2 * number - 2, 2 * number)) {
      const path = Buffer.from(name)
      const member = {
        path,
        kind: 'file',
        mode: 0o644,
        uid: 0,
        gid: 0,
        sizeBytes: 2048,
        mtimeNs: 0n,
      } as const
      await writer.write(encodeMember(member))
      await writer.write(Buffer.alloc(2048, `${name}\n`))
    }
    streamOffset += writer.streamBytes
    await writer.commit({ image, fileList: [], endsAtMember: true, last: number === 2 })
  }
  await mounted.unmount()
  return [1, 2].map((number) => join(directory, 'web1', image.backupId, `1-00000${number}.nbf`))
}

t.test('fragments in a row give an archive that tar reads to its end', async (t) => {
  const directory = join(t.testdir({}), 'disk1')
  const run = tool('fragment-cat', ...(await store(directory)))
  t.equal(run.code, 0)
  t.match(run.complaints, /fragment 2 of image web1_1767225600/)
  const listed = spawnSync('tar', ['-tf', '-'], { input: run.bytes })
  t.equal(listed.status, 0)
  t.equal(listed.stderr.toString(), '')
  t.same(listed.stdout.toString().trim().split('\n'), names)
})

t.test('a damaged block ends it before a byte of that block is written', async (t) => {
  const [path = ''] = await store(join(t.testdir({}), 'disk1'))
  const whole = tool('fragment-cat', path).bytes
  const stored = readFileSync(path)
  const at = HEADER_BYTES + 3 * 1024 + 7
  stored[at] = (stored[at] ?? 0) ^ 1
  writeFileSync(path, stored)
  const run = tool('fragment-cat', path)
  t.equal(run.code, 1)
  t.match(run.complaints, /Block 3 does not match its checksum/)
  t.ok(run.bytes.equals(whole.subarray(0, 3 * 1024)), 'the blocks before it were written')
})

t.test('what is no fragment, or only half of one, is told as such', async (t) => {
  const folder = t.testdir({ 'notes.txt': 'no fragment'.repeat(2000) })
  t.match(tool('fragment-cat', join(folder, 'notes.txt')), { code: 1, out: '', complaints: /FORMAT_UNKNOWN/ })
  const [path = ''] = await store(join(folder, 'disk1'))
  writeFileSync(path, readFileSync(path).subarray(0, 12_000))
  t.match(tool('fragment-cat', path), { code: 1, out: '', complaints: /fragment-cat: / })
  t.match(tool('fragment-cat', join(folder, 'none')), { code: 1, complaints: /ENOENT/ })
  t.match(tool('fragment-cat'), { code: 2, complaints: /name the files/ })
})
