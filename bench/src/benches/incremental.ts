import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Contender, alternate } from '../alternate.ts'
import type { Bench } from '../bench.ts'
import { smallFiles, sourceBytes } from '../data/sources.ts'
import { type PeerGoal, movingFigures } from '../figures.ts'
import { runMeasured } from '../measured-process.ts'
import { ownBackup, ownIncremental } from '../own-run.ts'
import { databaseBytes } from '../peers/bacula/database.ts'
import { BaculaSite, ensureBacula } from '../peers/bacula/site.ts'
import { ResticRepository } from '../peers/restic.ts'
import type { Figure } from '../rows.ts'
import { ensureTool, tools } from '../tools.ts'

/** What a file list holds of each entry. */
const format = String.raw`%p %y %m %U %G %s %b %n %T@ %C@ %D %i %l\n`
const find = 'find -printf of the same attributes'
const restic = 'restic --compression off'
const bacula = 'Bacula, PostgreSQL'
type Who = 'nb' | typeof find | typeof restic | typeof bacula

/** Every hundredth file, the same ones each time: each contender then finds one in a hundred changed since its own last run. */
const changedShare = 100

/** An incremental of a tree of which nothing or little has changed, from its submission to a browsable image. */
export const incremental: Bench = {
  name: 'incremental',
  about:
    'an incremental of 100,000 files, none or one in a hundred changed, against find -printf, restic and Bacula',
  // The source, a full backup of each of three; the databases.
  needs: ({ quick }) => 4 * sourceBytes(quick) + databaseBytes,
  run: async (context) => {
    const { tell, workDirectory, quick } = context
    if (!(await ensureTool(tools.time, tell)) || !(await ensureTool(tools.find, tell))) return []
    const source = await smallFiles(context)
    const state = join(workDirectory, 'state')
    const repository = (await ensureTool(tools.restic, tell))
      ? new ResticRepository(workDirectory)
      : undefined
    tell('the full backups to compare with')
    await ownBackup(state, source.folder)
    await repository?.init()
    await repository?.backUp(source.folder)
    const site = (await ensureBacula(tell)) ? await BaculaSite.start(workDirectory, source.folder) : undefined
    const ours: Contender<Who> = { name: 'nb', run: () => ownIncremental(state, source.folder) }
    const peers: Contender<Who>[] = [
      {
        name: find,
        run: () =>
          runMeasured(['sh', '-c', 'find "$1" -printf "$2" > /dev/null', 'sh', source.folder, format]),
      },
      ...(repository === undefined
        ? []
        : [{ name: restic, run: () => repository.backUp(source.folder) } as const]),
      ...(site === undefined ? [] : [{ name: bacula, run: () => site.backUp('Differential') } as const]),
    ]
    try {
      await site?.backUp('Full')
      const rounds = quick ? 2 : 5
      const figures: Figure[] = []
      tell('nothing has changed')
      const unchanged = await alternate([ours, ...peers], { rounds, warmUp: true, tell })
      figures.push(...figuresOf('no change', unchanged, peers, 2))
      tell('one file in a hundred has changed')
      const files = everyHundredth(source.folder)
      const reset = async (): Promise<void> => rewrite(files)
      await reset()
      const contenders = [ours, ...peers].map((contender) => ({ ...contender, reset }))
      const changed = await alternate(contenders, { rounds, warmUp: true, tell })
      figures.push(...figuresOf('1 % changed', changed, peers))
      return figures
    } finally {
      await site?.stop()
    }
  },
}

function figuresOf(
  name: string,
  runs: Awaited<ReturnType<typeof alternate<Who>>>,
  peers: readonly Contender<Who>[],
  mostOfFind?: number,
): readonly Figure[] {
  const goals: PeerGoal<Who>[] = [
    ...(mostOfFind === undefined ? [] : [{ peer: find, mostRatio: mostOfFind } as const]),
    { peer: restic, mostRatio: 1 },
    { peer: bacula, mostRatio: 1 },
  ]
  return movingFigures(name, runs, { ours: 'nb', peers: peers.map((peer) => peer.name), goals })
}

/** Files of the tree, one in a hundred. */
function everyHundredth(folder: string): readonly string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  return files.filter((_, index) => index % changedShare === 0)
}

/** Gives files other content of the same size. */
function rewrite(files: readonly string[]): void {
  for (const file of files)
    writeFileSync(file, Buffer.alloc(statSync(file).size, Math.floor(performance.now() * 1000).toString()))
}
