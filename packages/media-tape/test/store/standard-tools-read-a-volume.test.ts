import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import type { FragmentRecord, MountedMedium, NewFragment } from '@nb/contracts'
import { TAPE_BLOCK_BYTES, encodeMember } from '@nb/formats'
import t from 'tap'
import { type TapeRig, tapeRig } from './tape-rig.ts'
import { fragmentOf, mounted, noise, trailerOf } from './writing.ts'

// The commands of docs/design/tape-format.md, "Reading without us", on what the store has put onto a volume.

const onPath = (tool: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((directory) => existsSync(join(directory, tool)))
const skip = onPath('tar') && onPath('dd') ? false : 'tar and dd are not installed'

const contents = new Map([
  ['one', noise(1, 1000)],
  ['two', noise(2, 700_000)],
  ['three', noise(3, 12)],
])

/** An archive stream of the three files, and where its last member begins. */
function archive(): { readonly stream: Buffer; readonly lastAt: number } {
  const pieces: Buffer[] = []
  let [length, lastAt] = [0, 0]
  for (const [name, data] of contents) {
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
    const path = Buffer.from(name)
    const head = encodeMember({
      ...{ ...owner, path, kind: 'file', mode: 0o644, sizeBytes: data.length },
      mtimeNs: 1_700_000_000n * 10n ** 9n,
    })
    const member = Buffer.concat([head, data, Buffer.alloc((512 - (data.length % 512)) % 512)])
    pieces.push(member)
    lastAt = length
    length += member.length
  }
  return { stream: Buffer.concat(pieces), lastAt }
}

/** Puts the tape files of the volume from number 1 on into files, block behind block; the number of the end's file comes back. */
async function dump(rig: TapeRig, directory: string): Promise<number> {
  const medium = await mounted(rig, 'read')
  const drive = rig.drive()
  await drive.rewind()
  await drive.space({ over: 'filemarks', count: 1 })
  for (let file = 1; ; file++) {
    const blocks: Buffer[] = []
    for (;;) {
      const target = Buffer.alloc(TAPE_BLOCK_BYTES)
      const read = await drive.readBlock({ target })
      if (read.kind !== 'block') break
      blocks.push(target.subarray(0, read.blockBytes))
    }
    // The second of the two filemarks that end a tape.
    if (blocks.length === 0) {
      await medium.unmount()
      return file - 1
    }
    writeFileSync(join(directory, `file.${file}`), Buffer.concat(blocks))
  }
}

const shell = (directory: string, script: string): string =>
  execFileSync('sh', ['-ec', script], { cwd: directory, encoding: 'utf8' })

function extracted(directory: string): ReadonlyMap<string, Buffer> {
  return new Map([...contents.keys()].map((name) => [name, readFileSync(join(directory, 'out', name))]))
}

/** The payload of tape file N, as the format's document has it. */
const payload = (file: string): string =>
  `blocks=$(tail -c 262144 file.${file} | tr '\\000' '\\n' | grep -a '^{"check":' | sed 's/.*"payloadBlocks":\\([0-9]*\\).*/\\1/')
   dd if=file.${file} bs=256k skip=1 count=$blocks status=none`

t.test('tar reads each fragment of a volume, and its README', { skip }, async (t) => {
  const directory = t.testdir({ out: {} })
  const rig = await tapeRig()
  const { stream, lastAt } = archive()
  const medium = await mounted(rig, 'write')
  const first = fragmentOf(1)
  const second = fragmentOf(1, { number: 2, streamOffset: lastAt })
  await write(medium, first, [stream.subarray(0, lastAt)], false)
  await write(medium, second, [stream.subarray(lastAt)], true)
  await medium.unmount()
  t.equal(await dump(rig, directory), 4)
  shell(directory, 'for n in 2 3; do tar -b 512 -xpf file.$n -C out --anchored --exclude=.nb; done')
  t.strictSame(extracted(directory), contents)
  t.equal(shell(directory, 'tar -b 512 -tf file.1').trim(), 'README.txt')
  t.match(shell(directory, 'tar -xOf file.4 .nb/END.json'), '"fragments":2')
})

t.test('dd gives an image that is cut inside a member, fragment behind fragment', { skip }, async (t) => {
  const directory = t.testdir({ out: {} })
  const rig = await tapeRig()
  const { stream } = archive()
  const medium = await mounted(rig, 'write')
  let [number, streamOffset] = [1, 0]
  while (streamOffset < stream.length) {
    const last = streamOffset + 300_000 >= stream.length
    const rest = stream.subarray(streamOffset, last ? stream.length : streamOffset + 300_032)
    const startsAtMember = streamOffset === 0
    const fragment = fragmentOf(1, { number, streamOffset, startsAtMember })
    const record = await write(medium, fragment, [rest], last, last)
    number += 1
    streamOffset += record.streamBytes
  }
  await medium.unmount()
  t.ok(number > 3, 'it is several fragments')
  const end = await dump(rig, directory)
  shell(
    directory,
    `n=2; while [ $n -lt ${end} ]; do ${payload('$n')}; n=$((n + 1)); done | tar -xpf - -C out --anchored --exclude=.nb`,
  )
  t.strictSame(extracted(directory), contents)
})

t.test(
  'zstd gives the stream of a compressed fragment',
  { skip: skip || (onPath('zstd') ? false : 'zstd is not installed') },
  async (t) => {
    const directory = t.testdir({ out: {} })
    const rig = await tapeRig()
    const { stream } = archive()
    const medium = await mounted(rig, 'write')
    const writer = await medium.createFragment(fragmentOf(1, { compression: 'zstd' }))
    for (let at = 0; at < stream.length; at += 51_200) {
      const piece = stream.subarray(at, at + 51_200)
      const frame = { streamBytes: piece.length, startsAtMember: at === 0 }
      await writer.writeFrame({ ...frame, stored: zstdCompressSync(piece) })
    }
    await writer.commit(trailerOf(fragmentOf(1)))
    await medium.unmount()
    await dump(rig, directory)
    shell(directory, `{ ${payload('2')}; } | zstd -dc | tar -xpf - -C out --anchored --exclude=.nb`)
    t.strictSame(extracted(directory), contents)
  },
)

async function write(
  medium: MountedMedium,
  fragment: NewFragment,
  pieces: readonly Buffer[],
  last: boolean,
  endsAtMember = true,
): Promise<FragmentRecord> {
  const writer = await medium.createFragment(fragment)
  for (const piece of pieces) await writer.write(piece)
  return writer.commit(trailerOf(fragment, { endsAtMember, last }))
}
