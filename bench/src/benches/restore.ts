import { existsSync, mkdtempSync, readdirSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Contender, alternate } from '../alternate.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { type Source, bigFiles, smallFiles, sourceBytes } from '../data/sources.ts'
import { movingFigures } from '../figures.ts'
import { leftovers } from '../leftovers/leftovers.ts'
import { median } from '../median.ts'
import { runMeasured, runToEnd } from '../measured-process.ts'
import { type OwnRun, ownBackup, ownRestore, ownRestoreOfOne } from '../own-run.ts'
import { freeBytes, inMib } from '../places.ts'
import type { Figure } from '../rows.ts'
import { ensureTool, tools } from '../tools.ts'

const peer = 'tar -xf'
type Who = 'nb' | typeof peer

/** Where writing costs least: creating files on a disk swings too much to compare with. */
const memory = '/dev/shm'

/** A restore of everything to a new folder in memory, beside GNU tar from a file. */
export const restore: Bench = {
  name: 'restore',
  about: 'restore of everything to a new folder in memory, against GNU tar',
  // The source, the archive, our image; what is restored, where memory has no room.
  needs: ({ quick }) => 4 * sourceBytes(quick),
  run: async (context) => {
    const { tell } = context
    if (!(await ensureTool(tools.time, tell)) || !(await ensureTool(tools.tar, tell))) return []
    const base = leftovers.folder('restore', hasMemory(context) ? memory : context.workDirectory)
    return [
      ...(await compare(context, await bigFiles(context), base)),
      ...(await compare(context, await smallFiles(context), base)),
    ]
  },
}

/** Whether what is restored finds room in memory. */
function hasMemory({ quick, tell }: BenchContext): boolean {
  const needed = sourceBytes(quick)
  const free = existsSync(memory) ? freeBytes(memory) : 0
  if (free >= needed) return true
  tell(
    `${memory} has ${inMib(free)} free of the ${inMib(needed)} needed: restoring to disk, whose times swing`,
  )
  return false
}

async function compare(context: BenchContext, source: Source, base: string): Promise<readonly Figure[]> {
  const { quick, workDirectory, tell } = context
  tell(`restore of ${source.name}`)
  const state = join(workDirectory, 'state')
  const archive = join(workDirectory, 'peer.tar')
  await runToEnd('tar', ['-cf', archive, '-C', source.folder, '.'])
  const { backupId } = await ownBackup(state, source.folder)
  let target = ''
  const nextTarget = (): string => (target = mkdtempSync(join(base, 'target-')))
  const reset = (): Promise<void> => rm(target, { recursive: true })
  let proved = false
  const ours: Contender<Who> = {
    name: 'nb',
    run: async () => {
      const run = await ownRestore(state, source.folder, backupId, nextTarget())
      if (!proved) await prove(source.folder, target, run, tell)
      proved = true
      return run
    },
    reset,
  }
  const tar: Contender<Who> = {
    name: peer,
    run: () => runMeasured(['tar', '-xf', archive, '-C', nextTarget()]),
    reset,
  }
  const runs = await alternate([ours, tar], { rounds: quick ? 3 : 5, warmUp: true, tell })
  const one = await oneFile(source.folder, (file) =>
    ownRestoreOfOne(state, source.folder, backupId, nextTarget(), file).finally(reset),
  )
  tell(`  one file: ${one.value.toFixed(0)} ms`)
  for (const path of [source.folder, state, archive]) await rm(path, { recursive: true })
  const all = movingFigures(source.name, runs, {
    ours: 'nb',
    peers: [peer],
    goals: [{ peer, mostRatio: 1.3 }],
  })
  return [...all, { case: source.name, ...one }]
}

/**
 * One of the smallest files among the last of the tree, restored alone; the median of three. It may take 100 ms, and its bytes at a
 * gigabyte a second.
 */
async function oneFile(
  folder: string,
  run: (file: string) => Promise<OwnRun>,
): Promise<Omit<Figure, 'case'>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .slice(-1000)
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, bytes: statSync(path).size }))
  const [{ path, bytes }] = files.sort((a, b) => a.bytes - b.bytes) as [{ path: string; bytes: number }]
  const walls: number[] = []
  for (let round = 0; round < 3; round++) walls.push((await run(path)).wallMs)
  const goal = { of: 'value', atMost: 100 + bytes / 1e6 } as const
  return { metric: 'one file of it', value: median(walls), unit: 'ms', goal }
}

/** A fast restore of something else would be worth nothing. */
async function prove(
  source: string,
  target: string,
  { warnings }: OwnRun,
  tell: (line: string) => void,
): Promise<void> {
  await runToEnd('diff', ['-rq', '--no-dereference', source, target])
  if (warnings > 0)
    tell(`the restore had ${warnings} warnings, such as attributes that ${memory} does not take`)
}
