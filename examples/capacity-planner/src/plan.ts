import { type SimulationResults, createSimulation } from '@nb/simulation'
import { driveName, simulatedSite, withOneMoreDrive } from './libraries.ts'
import type { Site } from './site.ts'
import { type Summary, summarise } from './summary.ts'

/** How a plan is made. */
export interface PlanOptions {
  /** Days to simulate, 1–3650. */
  readonly days: number
  readonly seed: number
  /** Told of each simulated day. */
  readonly onDay: (run: string, day: number, days: number, jobs: number) => void
}

/** A month as it is, and with one more drive. */
export interface Plan {
  readonly site: Site
  readonly days: number
  readonly seed: number
  readonly results: SimulationResults
  readonly summary: Summary
  /** Absent for a site without a tape library. */
  readonly oneMore?: {
    readonly library: string
    readonly results: SimulationResults
    readonly summary: Summary
  }
}

const dayMs = 86_400_000
/** A Monday's noon: nights stay whole. */
const from = Date.UTC(2026, 0, 5, 12)

/** Plays the site, and plays it again with one more drive where drives are waited for longest. */
export async function makePlan(site: Site, options: PlanOptions): Promise<Plan> {
  const { days, seed } = options
  const results = await play(site, 'as it is', options)
  const summary = summarise(results)
  const plan = { site, days, seed, results, summary }
  const library = libraryToEnlarge(site, results)
  if (library === undefined) return plan
  const enlarged = await play(withOneMoreDrive(site, library), `one more drive in ${library}`, options)
  return { ...plan, oneMore: { library, results: enlarged, summary: summarise(enlarged) } }
}

async function play(site: Site, run: string, { days, seed, onDay }: PlanOptions): Promise<SimulationResults> {
  const simulation = createSimulation(simulatedSite(site), {
    seed,
    from,
    onDay: ({ at, jobs }) => onDay(run, Math.round((at - from) / dayMs), days, jobs),
  })
  await simulation.run(from + days * dayMs)
  const results = await simulation.results()
  await simulation.stop()
  return results
}

/** The library whose drives are waited for longest; where nobody waits, the one whose drives are held most. */
export function libraryToEnlarge(site: Site, { waiting, drives }: SimulationResults): string | undefined {
  let best: { readonly name: string; readonly waited: number; readonly held: number } | undefined
  for (const library of site.libraries) {
    const own = new Set([library.name])
    for (let drive = 1; drive <= library.drives; drive++) own.add(driveName(library.name, drive))
    const waited = waiting.filter(({ name }) => own.has(name)).reduce((sum, { totalMs }) => sum + totalMs, 0)
    const heldMs = drives.filter(({ name }) => own.has(name)).flatMap((drive) => [...drive.heldMs])
    const held = heldMs.reduce((sum, ms) => sum + ms, 0) / library.drives
    const better = best === undefined || waited > best.waited || (waited === best.waited && held > best.held)
    if (better) best = { name: library.name, waited, held }
  }
  return best?.name
}
