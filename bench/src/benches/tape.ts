import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { alternate, type Contender, type Measurement } from '../alternate.ts'
import type { Bench, BenchContext } from '../bench.ts'
import { bigFiles, sourceBytes } from '../data/sources.ts'
import { measurementOf } from '../figures.ts'
import { runMeasured, runToEnd } from '../measured-process.ts'
import { median } from '../median.ts'
import { nodeFlags } from '../own-run.ts'
import { iscsiPerf } from '../peers/iscsi-perf.ts'
import { rawTcp } from '../peers/raw-tcp.ts'
import type { Figure, Goal } from '../rows.ts'
import { type BenchLibrary, initiatorName, loadFirst, startLibrary } from '../tape/library.ts'
import type { TapeSiteRun, TapeWork, TapeWorkTime } from '../tape/work.ts'
import { ensureTool, tools } from '../tools.ts'

const kib = 1024
const mib = 1024 ** 2
const tapeBlockBytes = 256 * kib
/** Blocks under way where several are: a drive's own buffer wants no more. */
const tapeDepth = 4
const diskShapes = [
  { blockBytes: 256 * kib, depth: 16 },
  { blockBytes: mib, depth: 4 },
]
const diskGoal: Goal = { of: 'ratio', atLeast: 0.8 }

const program = fileURLToPath(new URL('../tape-run.ts', import.meta.url))
const siteProgram = fileURLToPath(new URL('../tape-site-run.ts', import.meta.url))

/** How fast blocks go to and from a target over iSCSI. */
export const tape: Bench = {
  name: 'tape',
  about: 'blocks of 256 KiB over iSCSI to a tape drive of tgtd, and reads of its disk',
  // Two volumes, the disk and a file; then the source and a volume.
  needs: ({ quick }) => 4 * (quick ? 128 : 768) * mib + 2 * sourceBytes(quick),
  run: async (context) => {
    const { tell, workDirectory, quick } = context
    for (const tool of [tools.tgtd, tools.time, tools.dd]) if (!(await ensureTool(tool, tell))) return []
    const bytes = (quick ? 64 : 512) * mib
    const fileSystem = (await runToEnd('stat', ['-f', '-c', '%T', workDirectory])).trim()
    tell(`  media, files of raw TCP and of dd: ${fileSystem} at ${workDirectory}, unsynced`)
    const library = await startLibrary(join(workDirectory, 'tgtd'), {
      tapeBytes: 3 * bytes,
      diskBytes: bytes / 2,
    })
    const figures: Figure[] = []
    try {
      await loadFirst(library.url)
      figures.push(...(await tapeFigures('write', bytes, library, context)))
      figures.push(...(await tapeFigures('read', bytes, library, context)))
      figures.push(...(await diskFigures(bytes, library, context)))
    } finally {
      await library.stop()
    }
    figures.push(...(await siteFigures(context)))
    return figures
  },
}

const labels = {
  transport: `commands, ${tapeDepth} at once`,
  drive: 'blocks of the port, 1 at once',
  format: 'a fragment of the tape store',
  'transport with digests': `commands with digests, ${tapeDepth} at once`,
}

type TapeContender = 'transport' | 'drive' | 'format' | 'transport with digests' | 'raw TCP' | 'dd'

async function tapeFigures(
  way: 'write' | 'read',
  bytes: number,
  { url, driveLun: lun }: BenchLibrary,
  { quick, tell, workDirectory }: BenchContext,
): Promise<readonly Figure[]> {
  const work = { url, lun, bytes, blockBytes: tapeBlockBytes, depth: tapeDepth, digests: false }
  const file = join(workDirectory, 'plain')
  const [source, target] = way === 'write' ? ['/dev/zero', file] : [file, '/dev/null']
  const count = String(bytes / tapeBlockBytes)
  const contenders: Contender<TapeContender>[] = [
    { name: 'transport', run: () => own({ ...work, way }) },
    { name: 'drive', run: () => own({ ...work, way: `drive-${way}`, depth: 1 }) },
    { name: 'format', run: () => own({ ...work, way: `store-${way}`, depth: 1 }) },
    { name: 'transport with digests', run: () => ownQuarter({ ...work, way, digests: true }) },
    { name: 'raw TCP', run: () => rawTcp(way, { file, bytes, blockBytes: tapeBlockBytes }) },
    {
      name: 'dd',
      run: () =>
        runMeasured(['dd', `if=${source}`, `of=${target}`, 'bs=256k', `count=${count}`, 'status=none']),
    },
  ]
  tell(`tape ${way}, ${bytes / mib} MiB`)
  // The last one who wrote may have written less.
  if (way === 'read') await own({ ...work, way: 'write' })
  const runs = await alternate(contenders, { rounds: quick ? 1 : 3, tell })
  const peers = (['raw TCP', 'dd'] as const).map((name) => ({ name, took: measurementOf(runs, name) }))
  return (['transport', 'drive', 'format', 'transport with digests'] as const).flatMap((name) => {
    const ours = { name: `tape ${way}, ${labels[name]}`, took: measurementOf(runs, name), bytes }
    return [...peers.map((peer) => rate(ours, peer)), processorTime(ours, peers[0])]
  })
}

async function diskFigures(
  bytes: number,
  { url, diskLun: lun, diskBytes }: BenchLibrary,
  { quick, tell }: BenchContext,
): Promise<readonly Figure[]> {
  const hasPeer = await ensureTool(tools['iscsi-perf'], tell)
  const figures: Figure[] = []
  for (const { blockBytes, depth } of diskShapes) {
    const work = { way: 'disk-read', url, lun, bytes: 2 * bytes, blockBytes, depth, diskBytes } as const
    const perf = {
      url: `${url}/${lun}`,
      initiatorName,
      blockBytes,
      depth,
      seconds: quick ? 1 : 2,
      bytes: 2 * bytes,
    }
    const name = `disk read, ${blockBytes / kib} KiB, ${depth} at once`
    tell(name)
    const contenders: Contender<'nb' | 'nb with digests' | 'iscsi-perf'>[] = [
      { name: 'nb', run: () => own({ ...work, digests: false }) },
      { name: 'nb with digests', run: () => ownQuarter({ ...work, digests: true }) },
      ...(hasPeer ? [{ name: 'iscsi-perf', run: () => iscsiPerf(perf) } as const] : []),
    ]
    const runs = await alternate(contenders, { rounds: quick ? 1 : 3, tell })
    const peer = hasPeer ? { name: 'iscsi-perf', took: measurementOf(runs, 'iscsi-perf') } : undefined
    const ours = { name, took: measurementOf(runs, 'nb'), bytes: work.bytes }
    const digested = { ...ours, name: `${name}, with digests`, took: measurementOf(runs, 'nb with digests') }
    figures.push(rate(ours, peer, diskGoal), processorTime(ours, peer), rate(digested, peer))
  }
  return figures
}

/** Whether the drive has to wait for data of large files, in a backup through all that a site has. */
async function siteFigures(context: BenchContext): Promise<readonly Figure[]> {
  const { workDirectory, tell, quick } = context
  const { folder } = await bigFiles(context)
  const library = await startLibrary(join(workDirectory, 'site'), { tapeBytes: 4096 * mib, diskBytes: mib })
  try {
    const runs: TapeSiteRun[] = []
    for (let round = 1; round <= (quick ? 1 : 3); round++) {
      const state = join(workDirectory, `state-${round}`)
      const command = [...nodeFlags, ...process.execArgv, siteProgram, library.url, state, folder]
      runs.push(JSON.parse(await runToEnd(process.execPath, command)) as TapeSiteRun)
      tell(`  backup of big files to tape, run ${round}: ${JSON.stringify(runs.at(-1))}`)
    }
    const of = (pick: (run: TapeSiteRun) => number): number => median(runs.map(pick))
    const name = 'backup of big files to tape'
    const waits = (metric: string, pick: (run: TapeSiteRun) => number, goal?: Goal): Figure => ({
      ...{ case: name, metric: `${metric}, in 1,000 blocks`, unit: 'times' },
      value: of((run) => (pick(run) / (run.bytes / tapeBlockBytes)) * 1000),
      ...(goal === undefined ? {} : { goal }),
    })
    return [
      { case: name, metric: 'rate', value: of((run) => run.bytes / run.wallMs / 1000), unit: 'MB/s' },
      waits('the drive waits for data', (run) => run.waitedForFullBuffer, { of: 'value', atMost: 10 }),
      waits('the client waits for the drive', (run) => run.waitedForEmptyBuffer),
    ]
  } finally {
    await library.stop()
  }
}

interface Moved {
  readonly name: string
  readonly took: Measurement
}

/** Millions of bytes a second. */
function rate(ours: Moved & { readonly bytes: number }, peer: Moved | undefined, goal?: Goal): Figure {
  const of = ({ wallMs }: Measurement): number => ours.bytes / wallMs / 1000
  return {
    ...{ case: ours.name, metric: 'rate', value: of(ours.took), unit: 'MB/s' },
    ...(peer === undefined ? {} : { peer: { name: peer.name, value: of(peer.took) } }),
    ...(goal === undefined ? {} : { goal }),
  }
}

function processorTime(ours: Moved & { readonly bytes: number }, peer: Moved | undefined): Figure {
  const of = ({ cpuMs }: Measurement): number => (cpuMs / ours.bytes) * 1e9
  return {
    ...{ case: ours.name, metric: 'processor time a GB', value: of(ours.took), unit: 'ms' },
    ...(peer === undefined ? {} : { peer: { name: peer.name, value: of(peer.took) } }),
  }
}

/** Ours in a process of its own; figures from the first command to the last answer. */
async function own(work: TapeWork): Promise<Measurement> {
  const command = [...process.execArgv, program, JSON.stringify(work)]
  const { output, peakBytes } = await runMeasured([process.execPath, ...command])
  return { ...(JSON.parse(output) as TapeWorkTime), peakBytes }
}

/** The same of a quarter of the bytes, told as if it were all: with digests tgtd is so slow that it would take most of the time. */
async function ownQuarter(work: TapeWork): Promise<Measurement> {
  const { wallMs, cpuMs, peakBytes } = await own({ ...work, bytes: work.bytes / 4 })
  return { wallMs: 4 * wallMs, cpuMs: 4 * cpuMs, peakBytes }
}
