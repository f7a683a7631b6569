import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Contender, alternate } from '../alternate.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { type Source, bigFiles, smallFiles, sourceBytes } from '../data/sources.ts'
import { type PeerGoal, movingFigures } from '../figures.ts'
import { runMeasured } from '../measured-process.ts'
import { ownBackup } from '../own-run.ts'
import type { Figure } from '../rows.ts'
import { databaseBytes } from '../peers/bacula/database.ts'
import { BaculaSite, ensureBacula } from '../peers/bacula/site.ts'
import { ResticRepository } from '../peers/restic.ts'
import { ensureTool, tools } from '../tools.ts'

const oneThird = 0.333

const plain = 'tar -cf file, sync'
const pax = 'tar --format=pax --xattrs --acls -S, sync'
const restic = 'restic --compression off'
const bacula = 'Bacula, PostgreSQL'
type Who = 'nb' | typeof plain | typeof pax | typeof restic | typeof bacula

/** A full backup, from its submission to a durable and browsable image, beside GNU tar into a file that is synced. */
export const backup: Bench = {
  name: 'backup',
  about: 'full backup through the real flow, against GNU tar to a file that is synced, restic and Bacula',
  // The source and one backup of it at a time; the databases.
  needs: ({ quick }) => 2 * sourceBytes(quick) + databaseBytes,
  run: async (context) => {
    const { tell } = context
    if (!(await ensureTool(tools.time, tell)) || !(await ensureTool(tools.tar, tell))) return []
    return [
      ...(await compare(context, await bigFiles(context), [{ peer: plain, mostRatio: 1.3 }])),
      ...(await compare(context, await smallFiles(context), [
        { peer: plain, mostRatio: 1.5 },
        { peer: bacula, mostRatio: oneThird },
      ])),
    ]
  },
}

async function compare(
  context: BenchContext,
  source: Source,
  goals: readonly PeerGoal<Who>[],
): Promise<readonly Figure[]> {
  const { quick, workDirectory, tell } = context
  tell(`backup of ${source.name}`)
  const state = join(workDirectory, 'state')
  const archive = join(workDirectory, 'peer.tar')
  const tar = (name: Who, options: readonly string[]): Contender<Who> => ({
    name,
    run: () => runMeasured(tarAndSync(archive, source.folder, options)),
    reset: () => rm(archive),
  })
  const ours: Contender<Who> = {
    name: 'nb',
    run: () => ownBackup(state, source.folder),
    reset: () => rm(state, { recursive: true }),
  }
  const contenders = [
    ours,
    tar(plain, []),
    tar(pax, ['--format=pax', '--xattrs', '--xattrs-include=*', '--acls', '-S']),
  ]
  const repository = (await ensureTool(tools.restic, tell)) ? new ResticRepository(workDirectory) : undefined
  if (repository !== undefined) {
    await repository.init()
    contenders.push({
      name: restic,
      run: () => repository.backUp(source.folder),
      reset: () => repository.init(),
    })
  }
  const site = (await ensureBacula(tell)) ? await BaculaSite.start(workDirectory, source.folder) : undefined
  if (site !== undefined)
    contenders.push({ name: bacula, run: () => site.backUp('Full'), reset: () => site.reset() })
  const runs = await alternate(contenders, { rounds: quick ? 3 : 5, warmUp: true, tell }).finally(() =>
    site?.stop(),
  )
  await rm(source.folder, { recursive: true })
  repository?.remove()
  return movingFigures(source.name, runs, {
    ours: 'nb',
    peers: contenders.map(({ name }) => name).filter((name) => name !== 'nb'),
    goals: [...goals, { peer: restic, mostRatio: oneThird }],
  })
}

function tarAndSync(archive: string, folder: string, options: readonly string[]): [string, ...string[]] {
  const script = 'archive=$1; folder=$2; shift 2; tar "$@" -cf "$archive" -C "$folder" . && sync "$archive"'
  return ['sh', '-c', script, 'sh', archive, folder, ...options]
}
