import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { FileRecord } from '@nb/formats'
import t from 'tap'
import { extractInThread, planFor } from './extract-in-thread.ts'
import { freshDirectory } from './fresh-directory.ts'
import { readInThread, readUntilCheckpoint, type ReadResult } from './read-in-thread.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const digestsOf = (records: readonly FileRecord[]): Record<string, string | undefined> =>
  Object.fromEntries(
    records.map(({ path, digest }) => [path.toString().replace(/.*\//, ''), digest?.toString('hex')]),
  )
/** Past the 20 ms in which a change counts as recent. */
const laterMs = 60_000

/** Files of all sizes, one of them with holes, one with two names; a symbolic link. */
function makeFiles(directory: string): string {
  const source = join(directory, 'source')
  mkdirSync(source)
  writeFileSync(join(source, 'empty'), '')
  writeFileSync(join(source, 'small'), 'a few bytes')
  writeFileSync(join(source, 'big'), Buffer.alloc(1_000_001, 'all work and no play '))
  const holes = openSync(join(source, 'holes'), 'w')
  writeSync(holes, Buffer.alloc(5000, 1), 0, 5000, 1_000_000)
  ftruncateSync(holes, 9_000_000)
  closeSync(holes)
  linkSync(join(source, 'small'), join(source, 'small-too'))
  symlinkSync('small', join(source, 'link'))
  return source
}

t.test('each file has the digest that sha256sum says, holes and further names too', async (t) => {
  const source = makeFiles(freshDirectory(t))
  const result = readInThread([source], { digest: 'sha256' })
  t.equal(result.digestAlgorithm, 'sha256')
  const { source: _, link, ...digests } = digestsOf(result.records)
  t.equal(link, undefined)
  const lines = execFileSync('sha256sum', Object.keys(digests), { cwd: source, encoding: 'utf8' })
  const summed = lines.trimEnd().split('\n')
  t.strictSame(digests, Object.fromEntries(summed.map((line) => line.split(/ +/).reverse())))
})

t.test('without being asked for there are none', async (t) => {
  const result = readInThread([makeFiles(freshDirectory(t))])
  t.equal(result.digestAlgorithm, undefined)
  t.ok(result.records.every(({ digest }) => digest === undefined))
})

t.test('a file that became shorter has the digest of what a restore brings', async (t) => {
  const source = makeFiles(freshDirectory(t))
  const big = readFileSync(join(source, 'big'))
  const result = readInThread([source], {
    digest: 'sha256',
    observe: (moment, path) => {
      if (moment === 'opened' && path.toString().endsWith('/big')) truncateSync(join(source, 'big'), 600_000)
    },
  })
  const stored = Buffer.alloc(big.length)
  big.copy(stored, 0, 0, 600_000)
  t.equal(digestsOf(result.records)['big'], sha256(stored))
})

t.test('an incremental keeps the digests of what did not change', async (t) => {
  const source = makeFiles(freshDirectory(t))
  const full = readInThread([source], { digest: 'sha256', laterMs })
  writeFileSync(join(source, 'big'), 'changed')
  const next = readInThread([source], {
    digest: 'sha256',
    laterMs,
    reference: full.list,
    backupId: 'client_2',
  })
  t.ok(next.records.some(({ imageIndex }) => imageIndex === 1))
  t.strictSame(digestsOf(next.records), { ...digestsOf(full.records), big: sha256(Buffer.from('changed')) })
  const silent = readInThread([source], { laterMs, reference: next.list, backupId: 'client_3' })
  t.equal(silent.digestAlgorithm, 'sha256', 'also where the policy does not ask any more')
  t.strictSame(digestsOf(silent.records), digestsOf(next.records))
})

t.test('a policy that begins to ask gets digests of files as they are stored again', async (t) => {
  const source = makeFiles(freshDirectory(t))
  const full = readInThread([source], { laterMs })
  writeFileSync(join(source, 'big'), 'changed')
  const next = readInThread([source], {
    digest: 'sha256',
    laterMs,
    reference: full.list,
    backupId: 'client_2',
  })
  t.strictSame(
    Object.entries(digestsOf(next.records)).filter(([, digest]) => digest !== undefined),
    [['big', sha256(Buffer.from('changed'))]],
  )
})

t.test(
  'a backup that goes on from a checkpoint knows the digest of a file whose further name comes',
  async (t) => {
    const source = makeFiles(freshDirectory(t))
    const whole = readInThread([source], { digest: 'sha256' })
    for (let number = 1; ; number++) {
      const part = readUntilCheckpoint([source], { digest: 'sha256' }, number)
      if (!('checkpoint' in part)) break
      const rest = readInThread([source], { digest: 'sha256', resumeFrom: part.checkpoint })
      t.match(digestsOf(whole.records), digestsOf(rest.records), `from checkpoint ${number}`)
    }
  },
)

function restored(directory: string, result: ReadResult, plan: readonly FileRecord[]): readonly string[] {
  const target = join(directory, 'target')
  const { warnings } = extractInThread(target, plan, [result.archive])
  renameSync(target, `${target}-${Math.random()}`)
  return warnings.map(({ code, path }) => `${code} ${Buffer.from(path).toString()}`).sort()
}

t.test('a restore tells of content that is not what was read', async (t) => {
  const directory = freshDirectory(t)
  const source = makeFiles(directory)
  const result = readInThread([source], { digest: 'sha256' })
  const plan = planFor(result.records, source)
  t.strictSame(restored(directory, result, plan), [])
  const at = result.archive.indexOf('a few bytes')
  result.archive.write('A', at)
  t.strictSame(restored(directory, result, plan), ['DIGEST_MISMATCH /small', 'DIGEST_MISMATCH /small-too'])
  const other = plan.map((record) =>
    record.path.toString() === '/holes' ? { ...record, digest: Buffer.alloc(32, 7) } : record,
  )
  t.strictSame(restored(directory, result, other), [
    'DIGEST_MISMATCH /holes',
    'DIGEST_MISMATCH /small',
    'DIGEST_MISMATCH /small-too',
  ])
})
