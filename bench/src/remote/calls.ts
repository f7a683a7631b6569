import { join } from 'node:path'
import { connect, type Ports } from '@nb/remote'
import type { BenchContext } from '../bench.ts'
import { median } from '../median.ts'
import { cpuMsOf } from '../peers/process-usage.ts'
import type { Figure } from '../rows.ts'
import { RemoteSite } from './site.ts'

const ways = ['TLS', 'Unix socket'] as const
type Way = (typeof ways)[number]

interface CallsRun {
  readonly perSecond: number
  /** Of the master, microseconds. */
  readonly masterCpu: number
  /** Of the caller, microseconds. */
  readonly callerCpu: number
}

/** How many calls of the control port a master answers, over its port for other hosts beside its own socket, in turns. */
export async function callFigures(context: BenchContext): Promise<readonly Figure[]> {
  const { workDirectory, quick, tell } = context
  const site = await RemoteSite.start(join(workDirectory, 'site'), join(workDirectory, 'nothing'))
  const local = await connect({ socketPath: site.masterSocket })
  try {
    const figures: Figure[] = []
    for (const atOnce of [1, 16]) {
      const runs: Record<Way, CallsRun[]> = { TLS: [], 'Unix socket': [] }
      const count = quick ? 300 : 4000
      for (let round = quick ? 0 : -1; round < (quick ? 1 : 5); round++) {
        for (const way of round % 2 === 0 ? ways : [...ways].reverse()) {
          const run = await measure(site, way === 'TLS' ? site.ports : local, { count, atOnce })
          tell(`  ${way}, ${atOnce} at once: ${run.perSecond.toFixed(0)} calls a second`)
          if (round >= 0) runs[way].push(run)
        }
      }
      const figure = (metric: string, unit: string, pick: (run: CallsRun) => number): Figure => ({
        case: `calls, ${atOnce} at once`,
        metric,
        unit,
        value: median(runs.TLS.map(pick)),
        peer: { name: 'Unix socket', value: median(runs['Unix socket'].map(pick)) },
      })
      figures.push(
        figure('rate', '/s', ({ perSecond }) => perSecond),
        figure("master's processor time a call", 'µs', ({ masterCpu }) => masterCpu),
        figure("caller's processor time a call", 'µs', ({ callerCpu }) => callerCpu),
      )
    }
    return figures
  } finally {
    local.close()
    await site.stop()
  }
}

/** A call that reads one thing: its own cost is small beside that of the way. */
async function measure(
  { pids }: RemoteSite,
  { scheduler }: Pick<Ports, 'scheduler'>,
  { count, atOnce }: { readonly count: number; readonly atOnce: number },
): Promise<CallsRun> {
  let left = count
  const caller = async (): Promise<void> => {
    while (left-- > 0) await scheduler.getPolicy({ name: 'bench' })
  }
  const master = pids.slice(0, 1)
  const masterBefore = cpuMsOf(master)
  const callerBefore = process.cpuUsage()
  const begun = performance.now()
  await Promise.all(Array.from({ length: atOnce }, caller))
  const wallMs = performance.now() - begun
  const { user, system } = process.cpuUsage(callerBefore)
  return {
    perSecond: (count / wallMs) * 1000,
    masterCpu: ((cpuMsOf(master) - masterBefore) * 1000) / count,
    callerCpu: (user + system) / count,
  }
}
