import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { END_OF_ARCHIVE } from '@nb/formats'
import { seededRandom } from '@nb/test-kit'
import t from 'tap'
import { type DiskFixture, setupDisk } from '../fixture.ts'

const backupId = 'web1_1767225600'

function shell(script: string, cwd: string): string {
  return execFileSync('bash', ['-e', '-o', 'pipefail', '-c', script], { cwd, encoding: 'utf8' })
}

/** A tree, its pax stream as GNU tar makes it without end marker, and where its members begin. */
function source(root: string): { readonly stream: Buffer; readonly big: number } {
  mkdirSync(join(root, 'tree/deep'), { recursive: true })
  const random = seededRandom(11)
  const bytes = Buffer.from(Array.from({ length: 700_001 }, () => Math.floor(random() * 256)))
  writeFileSync(join(root, 'tree/a-small'), 'small\n')
  writeFileSync(join(root, 'tree/deep/b-big'), bytes)
  writeFileSync(join(root, 'tree/z-last'), 'last\n')
  shell(`tar --format=pax --sort=name -cf stream.tar tree/a-small tree/deep/b-big tree/z-last`, root)
  const whole = readFileSync(join(root, 'stream.tar'))
  // tar pads to 10 KiB; the stream of an image ends with its last member.
  let end = whole.length
  while (whole.subarray(end - 512, end).equals(END_OF_ARCHIVE.subarray(0, 512))) end -= 512
  const big = whole.indexOf('tree/deep/b-big')
  return { stream: whole.subarray(0, end), big }
}

async function store(disk: DiskFixture, stream: Buffer, cuts: readonly number[]): Promise<string[]> {
  const medium = await disk.store.mount({ allocation: disk.allocation('write'), jobId: '1', flow: 'backup' })
  const ends = [...cuts, stream.length]
  for (const [index, end] of ends.entries()) {
    const streamOffset = ends[index - 1] ?? 0
    const writer = await medium.createFragment({
      backupId,
      copy: 1,
      number: index + 1,
      streamOffset,
      startsAtMember: index === 0,
      client: 'web1',
      policy: 'p',
      schedule: 's',
      createdAt: 1_767_225_600_000,
    })
    await writer.write(stream.subarray(streamOffset, end))
    const last = index === cuts.length
    await writer.commit({ image: { backupId }, fileList: [], endsAtMember: last, last })
  }
  await medium.unmount()
  return ends.map((_, index) => disk.pathOf('web1', backupId, 1, index + 1))
}

/** The very script that people are told to use. */
function scriptOfTheDocument(): string {
  const text = readFileSync(new URL('../../../../docs/design/formats.md', import.meta.url), 'utf8')
  const script = /^```sh\n(#!\/bin\/sh\n[\s\S]*?)^```$/m.exec(text)?.[1]
  if (script === undefined) throw new Error('docs/design/formats.md holds no script')
  return script
}

function scratch(t: { teardown(remove: () => void): unknown }): string {
  const root = mkdtempSync(join(tmpdir(), 'nb-media-disk-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  mkdirSync(join(root, 'out'))
  return root
}

t.test('one fragment is a tar', async (t) => {
  const root = scratch(t)
  const disk = await setupDisk(root)
  const [path] = await store(disk, source(root).stream, [])
  shell(`tar -xpf ${path} -C out --anchored --exclude=.nb && diff -r tree out/tree`, root)
  t.same(readdirSync(join(root, 'out')), ['tree'])
  const members = shell(`tar -tf ${path}`, root).trim().split('\n')
  t.same(members, [
    '.nb/FRAGMENT.json',
    'tree/a-small',
    'tree/deep/b-big',
    'tree/z-last',
    '.nb/IMAGE.json',
    '.nb/FILES',
    '.nb/BLOCKS',
    '.nb/FOOTER.json',
  ])
})

t.test('one file over three fragments is read with tail, head and tar', async (t) => {
  const root = scratch(t)
  const disk = await setupDisk(root)
  const { stream, big } = source(root)
  const first = Math.ceil(big / 512) * 512 + 512 * 200
  const paths = await store(disk, stream, [first, first + 512 * 600])
  t.equal(paths.length, 3)
  writeFileSync(join(root, 'read-image.sh'), scriptOfTheDocument())
  shell(`sh read-image.sh ${paths.join(' ')} | tar -xpf - -C out && diff -r tree out/tree`, root)
  t.same(readdirSync(join(root, 'out/tree')).sort(), ['a-small', 'deep', 'z-last'])
  // A glob keeps the order, too.
  const glob = `${paths[0]?.slice(0, paths[0].lastIndexOf('/'))}/1-*.nbf`
  shell(
    `rm -r out && mkdir out && sh read-image.sh ${glob} | tar -xpf - -C out && diff -r tree out/tree`,
    root,
  )
})
