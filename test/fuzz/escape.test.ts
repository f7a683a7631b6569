// A restore whose plan and archive an enemy wrote: every hostile path, of every kind, in every mode.
import { linkSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { NbError } from '@nb/contracts'
import type { FileRecord, MemberKind } from '@nb/formats'
import t from 'tap'
import {
  encodePlan,
  extractBytes,
  framedRanges,
} from '../../packages/transfer/test/client/extract-in-thread.ts'
import { resealList } from './repairs/file-list.ts'
import { Ground, escapedName, hostileEntry } from './support/hostile-restore.ts'

t.setTimeout(110_000)

const name = escapedName
const paths: readonly string[] = [
  `/../${name}`,
  `/../../../../../../${name}`,
  `/../outside/${name}`,
  '/../outside/treasure',
  `/a/../../outside/${name}`,
  '/..',
  '/../..',
  '/.',
  '/./x',
  '/a/..',
  '/a//b',
  '//',
  '//etc/passwd',
  'relative',
  `../${name}`,
  '/a\0b',
  `/\0/../${name}`,
  `/..\0/${name}`,
  '/a/',
  `/door/${name}`,
  '/door/treasure',
  `/door/folder/${name}`,
  `/door/../${name}`,
  '/door',
  `/${'n'.repeat(256)}`,
  `/${'d/'.repeat(32_766)}x`,
  `/${'d/'.repeat(500)}x`,
  `/${'../'.repeat(21_844)}${name.slice(0, 2)}`,
  `/${'n'.repeat(65_534)}`,
]
const kinds: readonly MemberKind[] = ['file', 'directory', 'symlink', 'hardlink', 'fifo', 'character-device']

/**
 * The plan as it is; where its encoder refuses the hostile path, a plan of that entry alone, its path put in afterwards with
 * checksums right.
 */
function planned(
  plan: readonly FileRecord[],
  evil: FileRecord,
): { readonly bytes: Buffer; readonly isPlanted: boolean } {
  try {
    return { bytes: encodePlan(plan, 1), isPlanted: false }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
  }
  const placeholder = Buffer.alloc(evil.path.length, '!').fill('/', 0, 1)
  const bytes = encodePlan([{ ...evil, path: placeholder }], 1)
  evil.path.copy(bytes, bytes.indexOf(placeholder))
  return { bytes: resealList(bytes), isPlanted: true }
}

for (const ifExists of ['fail', 'skip', 'overwrite'] as const)
  t.test(`no hostile path leads out of the target (${ifExists})`, async (t) => {
    const ground = new Ground()
    t.teardown(() => ground.remove())
    let refused = 0
    let restored = 0
    let planted = 0
    for (const text of paths)
      for (const kind of kinds) {
        const hostile = Buffer.from(text, 'latin1')
        const door = hostileEntry(
          0,
          0,
          { kind: 'symlink', linkTarget: Buffer.from(ground.outside) },
          Buffer.from('/door'),
        )
        const fields = {
          kind,
          path: Buffer.from(`../outside/${name}`),
          ...(kind === 'symlink' ? { linkTarget: Buffer.from(ground.outside) } : {}),
          ...(kind === 'hardlink' ? { linkTarget: Buffer.from('../outside/treasure') } : {}),
          ...(kind === 'character-device' ? { deviceMajor: 1, deviceMinor: 3 } : {}),
        }
        const evil = hostileEntry(door.bytes.length, 1, fields, hostile, { linkCount: 2 })
        const offset = door.bytes.length + evil.bytes.length
        const through = hostileEntry(offset, 2, { kind: 'file' }, Buffer.from('/P-through/x'))
        // A further name of the hostile entry, so that it is linked as well.
        const further = { ...evil.record, path: Buffer.from('/further') }
        const plan = [door.record, evil.record, further, through.record].filter(
          (record, index, all) => all.findIndex(({ path }) => path.equals(record.path)) === index,
        )
        const archive = Buffer.concat([door.bytes, evil.bytes, through.bytes])
        // A link that waits in the target, and one that is swapped in under a name that is planned.
        if (ifExists !== 'fail') {
          mkdirSync(ground.target)
          symlinkSync(ground.outside, join(ground.target, 'P-through'))
          linkSync(join(ground.target, 'P-through'), join(ground.target, 'z'))
        }
        const { bytes, isPlanted } = planned(plan, evil.record)
        if (isPlanted) planted++
        try {
          const { totals } = extractBytes(ground.target, bytes, framedRanges(plan, [archive]), { ifExists })
          restored += totals.entries
          refused += totals.failed
        } catch (error) {
          if (!(error instanceof NbError)) throw error
          refused++
        }
        ground.check()
      }
    t.comment(`${refused} refused, ${restored} restored; ${planted} plans hold what no encoder takes`)
    t.ok(planted >= 8 * kinds.length, 'there were such plans')
    t.ok(refused >= paths.length, 'they were refused')
    t.ok(restored > 0, 'what is harmless was restored')
  })
