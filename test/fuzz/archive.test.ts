// Mutated archive streams: the parser of members, and the one that follows their chain while a backup is written.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, linkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ArchiveParser,
  END_OF_ARCHIVE,
  FormatError,
  encodeMember,
  memberDataBytes,
  paddingOf,
} from '@nb/formats'
import type { ArchiveMember, ArchiveSink } from '@nb/formats'
import fc from 'fast-check'
import t from 'tap'
import { archiveMember } from '../../packages/formats/test/support/arbitraries.ts'
import { goldenArchive } from '../../packages/formats/test/support/golden.ts'
import { MemberBoundaries } from '../../packages/transfer/src/media/member-boundaries.ts'
import { fuzz } from './engine/fuzz.ts'
import { otherHeader, otherRecords, resealTar } from './repairs/tar.ts'

t.setTimeout(3_600_000)

/** All that a parser told of an input, in one text: the same however the bytes came. */
class Told implements ArchiveSink {
  readonly lines: string[] = []
  #dataBytes = 0
  #next = 0

  onMember(member: ArchiveMember, streamOffset: number): void {
    assert.ok(
      !member.path.includes(0) && member.path.length > 0 && member.path[0] !== 0x2f,
      'a path that is none',
    )
    for (const count of [member.mode, member.uid, member.gid, member.sizeBytes, streamOffset])
      assert.ok(Number.isSafeInteger(count) && count >= 0, 'a count that is none')
    if (member.kind === 'symlink' || member.kind === 'hardlink')
      assert.ok((member.linkTarget?.length ?? 0) > 0)
    if (member.sparse !== undefined) assert.ok(memberDataBytes(member) <= member.sizeBytes)
    this.#end()
    const shown = { ...member, ...texts(member) }
    this.lines.push(`${streamOffset} ${JSON.stringify(shown, (_, value: unknown) => plain(value))}`)
  }

  onData(chunk: Buffer, dataOffset: number): void {
    assert.ok(dataOffset >= this.#next, 'data goes back')
    this.#next = dataOffset + chunk.length
    this.#dataBytes += chunk.length
  }

  onMemberEnd(): void {
    this.#end()
    this.lines.push('end of member')
  }

  onEndOfArchive(): void {
    this.lines.push('end of archive')
  }

  #end(): void {
    if (this.#dataBytes > 0) this.lines.push(`${this.#dataBytes} up to ${this.#next}`)
    this.#dataBytes = 0
    this.#next = 0
  }
}

function texts({ path, linkTarget }: ArchiveMember): object {
  return { path: path.toString('latin1'), linkTarget: linkTarget?.toString('latin1') }
}

function plain(value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function parsed(input: Buffer, chunkBytes: number): { told: Told; error: unknown } {
  const told = new Told()
  const parser = new ArchiveParser()
  try {
    for (let at = 0; at < input.length; at += chunkBytes)
      parser.push(input.subarray(at, at + chunkBytes), told)
    parser.finish()
  } catch (error) {
    return { told, error }
  }
  return { told, error: undefined }
}

function faultOf(error: unknown): string {
  return error instanceof FormatError ? `${error.code} ${error.offset}` : String(error)
}

/** Archives of other programs, and of ours. */
function seeds(): Buffer[] {
  const made = fc.sample(archiveMember, { numRuns: 16, seed: 1 }).map((member) => {
    const data = Buffer.alloc(Math.min(memberDataBytes(member), 3000), 'data')
    const fitting = memberDataBytes(member) === data.length
    return Buffer.concat([
      encodeMember(member),
      fitting ? data : Buffer.alloc(0),
      Buffer.alloc(paddingOf(data.length)),
    ])
  })
  return [
    goldenArchive(),
    Buffer.concat([...made.slice(0, 6), END_OF_ARCHIVE]),
    ...made,
    ...tarSeeds(),
  ].filter(({ length }) => length <= 65_536)
}

function tarSeeds(): Buffer[] {
  const root = mkdtempSync(join(tmpdir(), 'nb-fuzz-tar-'))
  try {
    const long = 'n'.repeat(120)
    mkdirSync(join(root, 'd', long), { recursive: true })
    writeFileSync(join(root, 'd', long, 'file'), 'content')
    writeFileSync(join(root, 'd', 'other'), 'x'.repeat(700))
    writeFileSync(join(root, 'sparse'), 'x')
    truncateSync(join(root, 'sparse'), 300_000)
    symlinkSync(`to/${long}`, join(root, 'link'))
    linkSync(join(root, 'd', 'other'), join(root, 'hard'))
    const tar = (...options: string[]): Buffer =>
      execFileSync('tar', ['-b1', ...options, '-cf', '-', '.'], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
    return [
      tar('--format=gnu', '-S'),
      tar('--format=oldgnu', '-S'),
      tar('--format=posix', '-S', '--pax-option=globexthdr.name=g,comment=hello'),
      tar('--format=ustar', '--exclude=d', '--exclude=link'),
      tar('--format=v7', '--exclude=d', '--exclude=link'),
      tar('--format=gnu', '-V', 'label', '--exclude=d'),
    ]
  } finally {
    rmSync(root, { recursive: true })
  }
}

const dictionary = [
  'ustar\x0000',
  'ustar  \0',
  'SCHILY.xattr.',
  'GNU.sparse.',
  '30 mtime=1.',
  'NB.',
  '\0'.repeat(512),
]
const repairs = [resealTar, otherHeader, otherRecords]

t.test('mutated archives are read the same however they come, or refused with a FormatError', async (t) => {
  let turn = 0
  await fuzz(t, {
    name: 'archive',
    seeds: seeds(),
    repairs,
    dictionary,
    count: 400,
    longCount: 300_000,
    run: (input) => {
      const whole = parsed(input, 65_536)
      // Byte by byte costs the most; a few sizes in turn find as much.
      const pieces = parsed(input, [511, 100, 1000, 37][turn++ % 4] ?? 512)
      assert.equal(faultOf(pieces.error), faultOf(whole.error), 'another fault in pieces')
      assert.deepEqual(pieces.told.lines, whole.told.lines, 'told otherwise in pieces')
      if (whole.error !== undefined) throw whole.error as Error
    },
  })
})

t.test(
  'the boundaries of members in mutated streams are where the parser finds them, or archive-corrupt',
  async (t) => {
    await fuzz(t, {
      name: 'member-boundaries',
      seeds: seeds(),
      repairs,
      dictionary,
      count: 400,
      longCount: 300_000,
      run: (input) => {
        const boundaries = new MemberBoundaries()
        const found: number[] = []
        for (let at = 0; at < input.length;) {
          at += boundaries.advance(input.subarray(at, at + 1000), 1)
          assert.equal(boundaries.streamOffset, at)
          if (boundaries.atBoundary) found.push(at)
        }
        // Whoever cuts a stream there must not cut inside what the parser takes for a member.
        const parser = new ArchiveParser()
        let at = 0
        for (const boundary of found) {
          try {
            parser.push(input.subarray(at, boundary), new Told())
          } catch {
            return
          }
          at = boundary
          assert.ok(parser.atMemberBoundary, `no member ends at ${boundary}`)
        }
      },
    })
  },
)
