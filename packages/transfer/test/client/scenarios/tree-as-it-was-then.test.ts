import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { numberSetting } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../compare-trees.ts'
import { extractInThread, planFor } from '../extract-in-thread.ts'
import { freshDirectory } from '../fresh-directory.ts'
import { seeded } from '../make-tree.ts'
import { readInThread, type ReadResult } from '../read-in-thread.ts'
import { TreeEditor } from '../tree-editor.ts'

// A history is a tree that is edited and backed up several times, each time in full, or compared with the last backup
// (differential) or with the last full one (cumulative). Then every point of it is restored. The same histories of the
// whole server, but fewer: examples/all-in-one/test/scenarios/tree-as-it-was-then.test.ts.
const full = 1000
const histories = numberSetting('NB_HISTORIES', process.env['NB_LONG'] === '1' ? full : 6)
const seed = numberSetting('NB_SEED', 20_260_101)
const points = 5
// The editor makes no attributes, and a copy may lie on the disk in another way.
const compared = { allocation: false, extended: false }

t.setTimeout(60_000 + histories * 2000)

type Kind = 'full' | 'differential' | 'cumulative'

/** A backup of the tree, and a copy of the tree as it was. */
interface Point {
  readonly kind: Kind
  readonly result: ReadResult
  readonly tree: string
  readonly edits: string
}

/** Backs a source up, as a policy's schedules would. */
class Chain {
  readonly archives = new Map<string, Buffer>()
  #last: ReadResult | undefined
  #lastFull: ReadResult | undefined

  backUp(source: string, kind: Kind): ReadResult {
    const backupId = `client_${this.archives.size + 1}`
    const reference = kind === 'full' ? undefined : kind === 'cumulative' ? this.#lastFull : this.#last
    const result = readInThread([source], {
      backupId,
      ...(reference === undefined ? {} : { reference: reference.list }),
    })
    this.archives.set(backupId, result.archive)
    this.#last = result
    if (kind === 'full') this.#lastFull = result
    return result
  }

  /** Restores the tree of a backup from the archives that its list names. */
  restore({ images, records }: ReadResult, source: string, target: string): void {
    const archives = images.map((id) => this.archives.get(id) ?? Buffer.alloc(0))
    extractInThread(target, planFor(records, source), archives)
  }
}

function play(directory: string, random: () => number): { chain: Chain; source: string; past: Point[] } {
  const source = join(directory, 'source')
  mkdirSync(source)
  const editor = new TreeEditor(source, random)
  const chain = new Chain()
  const past: Point[] = []
  for (let point = 0; point < points; point++) {
    const edits = point === 0 ? 15 : Math.floor(random() * 12)
    for (let edit = 0; edit < edits; edit++) {
      if (point === 0) editor.create()
      else editor.edit()
    }
    const chance = random()
    const kind = point === 0 || chance < 0.15 ? 'full' : chance < 0.65 ? 'differential' : 'cumulative'
    const tree = join(directory, `tree-${point}`)
    execFileSync('cp', ['-a', source, tree])
    past.push({ kind, result: chain.backUp(source, kind), tree, edits: editor.log.splice(0).join('; ') })
  }
  return { chain, source, past }
}

t.test(
  `every point of ${histories} random histories is restored as it was (from seed ${seed})`,
  async (t) => {
    const root = freshDirectory(t)
    const counts = { full: 0, differential: 0, cumulative: 0 }
    let carried = 0
    for (let run = 0; run < histories; run++) {
      const directory = join(root, `history-${run}`)
      mkdirSync(directory)
      const { chain, source, past } = play(directory, seeded(seed + run))
      for (const [index, { kind, result, tree, edits }] of past.entries()) {
        counts[kind]++
        carried += result.records.filter(({ imageIndex }) => imageIndex > 0).length
        const target = join(directory, `restored-${index}`)
        chain.restore(result, source, target)
        const story = `NB_SEED=${seed + run} NB_HISTORIES=1, point ${index}, ${kind}: ${edits}`
        const differences = [
          ...result.warnings.map(({ text }) => text),
          ...compareTrees(tree, target, compared),
        ]
        if (differences.length > 0) t.strictSame(differences, [], story)
      }
      execFileSync('rm', ['-rf', directory])
    }
    t.ok(carried > 0, 'entries of earlier images were restored')
    t.ok(histories < 6 || Math.min(...Object.values(counts)) > 0, 'every kind of backup came')
    t.comment(
      `seed ${seed}, ${histories} histories: ${JSON.stringify(counts)}, ${carried} entries from earlier images`,
    )
    t.comment(`the full count is ${full} (npm run test:long)`)
  },
)
