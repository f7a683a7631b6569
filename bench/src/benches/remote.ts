import { statfsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { alternate, type Contender, type Measurement } from '../alternate.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { bigFiles, smallFiles, type Source, sourceBytes } from '../data/sources.ts'
import { measurementOf } from '../figures.ts'
import { runToEnd } from '../measured-process.ts'
import { type OwnRun, ownBackup } from '../own-run.ts'
import { databaseBytes } from '../peers/bacula/database.ts'
import { BaculaSite, ensureBacula } from '../peers/bacula/site.ts'
import { callFigures } from '../remote/calls.ts'
import { idleFigures } from '../remote/idle-clients.ts'
import { RemoteSite } from '../remote/site.ts'
import type { Figure, Goal } from '../rows.ts'
import { ensureTool, tools } from '../tools.ts'

const inProcess = 'all in one process'
const bacula = 'Bacula, no TLS'
/** Of a file system in memory, as statfs(2) tells it. */
const tmpfsType = 0x01021994
/** How fast a disk gets back what it lends: half of the 128 MiB/s that one was seen to keep up, since what is removed counts as well. */
const lentBytesPerMs = (64 * 2 ** 20) / 1000

type Who = 'three hosts' | typeof inProcess | typeof bacula

const parts: Readonly<Record<string, (context: BenchContext) => Promise<readonly Figure[]>>> = {
  big: async (context) => backups(context, await bigFiles(context), 1),
  small: async (context) => backups(context, await smallFiles(context), 0.5),
  calls: callFigures,
  idle: idleFigures,
}

/** What hosts of their own cost: full backups across TLS, calls of the control port, clients that do nothing. */
export const remote: Bench = {
  name: 'remote',
  about:
    'master, media server and client as three processes over TLS, against one process and Bacula; calls; idle clients',
  parts: Object.keys(parts),
  // The source and one backup of it at a time; the databases.
  needs: ({ quick, part }) =>
    part === 'calls' || part === 'idle' ? 0 : 2 * sourceBytes(quick) + databaseBytes,
  run: async (context) => {
    if (!(await ensureTool(tools.time, context.tell))) return []
    const figures: Figure[] = []
    for (const [name, part] of Object.entries(parts)) {
      if (context.part !== undefined && context.part !== name) continue
      context.tell(`remote, ${name}`)
      figures.push(...(await part(context)))
    }
    return figures
  },
}

async function backups(
  context: BenchContext,
  source: Source,
  mostOfBacula: number,
): Promise<readonly Figure[]> {
  const { quick, workDirectory, tell } = context
  const state = join(workDirectory, 'state')
  const ended: { stop: () => Promise<void> }[] = []
  try {
    const hosts = await RemoteSite.start(join(workDirectory, 'site'), source.folder)
    ended.push(hosts)
    let streamBytes = 0
    const alone: Contender<Who> = {
      name: inProcess,
      run: async () => {
        const run: OwnRun & Measurement = await ownBackup(state, source.folder)
        streamBytes = run.bytes
        return run
      },
      reset: () => rm(state, { recursive: true }),
    }
    const contenders: Contender<Who>[] = [
      { name: 'three hosts', run: () => hosts.backUp(), reset: () => hosts.reset() },
      alone,
    ]
    if (await ensureBacula(tell)) {
      const site = await BaculaSite.start(workDirectory, source.folder)
      ended.push(site)
      contenders.push({ name: bacula, run: () => site.backUp('Full'), reset: () => site.reset() })
    }
    const runs = await alternate(contenders, {
      rounds: quick ? 1 : 5,
      warmUp: !quick,
      settle: () => diskAtRest(workDirectory, quick ? 0 : streamBytes),
      tell,
    })
    const peers = contenders.map(({ name }) => name).filter((name) => name !== 'three hosts')
    return figuresOf(source.name, runs, { peers, gib: streamBytes / 1024 ** 3, mostOfBacula })
  } finally {
    for (const one of ended.reverse()) await one.stop()
    await rm(source.folder, { recursive: true })
  }
}

/**
 * What one has written and removed is not to be on the disk's hands while the next one writes. Disks of virtual machines lend speed, too: so many bytes go
 * at many times the rate that they keep up, and who comes after whoever took them has that rate alone. So a disk rests for as
 * long as it takes until as much as is written can be lent again.
 */
async function diskAtRest(workDirectory: string, bytes: number): Promise<void> {
  await runToEnd('sync', [])
  if (statfsSync(workDirectory).type !== tmpfsType) await sleep(bytes / lentBytesPerMs)
}

function figuresOf(
  name: string,
  runs: ReadonlyMap<Who, Measurement>,
  {
    peers,
    gib,
    mostOfBacula,
  }: { readonly peers: readonly Who[]; readonly gib: number; readonly mostOfBacula: number },
): readonly Figure[] {
  const own = measurementOf(runs, 'three hosts')
  const beside = (
    metric: string,
    unit: string,
    pick: (run: Measurement) => number,
    goalOf: (peer: Who) => Goal | undefined = () => undefined,
  ): readonly Figure[] =>
    peers.map((peer) => {
      const goal = goalOf(peer)
      return {
        ...{ case: name, metric, unit, value: pick(own) },
        peer: { name: peer, value: pick(measurementOf(runs, peer)) },
        ...(goal === undefined ? {} : { goal }),
      }
    })
  return [
    ...beside(
      'wall time',
      's',
      ({ wallMs }) => wallMs / 1000,
      (peer) => (peer === bacula ? { of: 'ratio', atMost: mostOfBacula } : undefined),
    ),
    ...beside('processor time a GiB', 's', ({ cpuMs }) => cpuMs / 1000 / gib),
    ...beside('peak memory', 'MiB', ({ peakBytes }) => peakBytes / 1024 ** 2),
  ]
}
