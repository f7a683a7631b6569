import { type SimulationResults, createSimulation } from '@nb/simulation'
import { driveName, simulatedSite } from './libraries.ts'
import type { Site } from './site.ts'
import { type Summary, summarise } from './summary.ts'

/** One month of a site to play. */
export interface Play {
  readonly site: Site
  readonly days: number
  readonly seed: number
  /** After which days to tell which library would be enlarged by what was found up to then. */
  readonly guessDays: readonly number[]
}

/** A month that was played. Its jobs are in the summary. */
export interface Played {
  readonly results: Omit<SimulationResults, 'jobs'>
  readonly summary: Summary
}

/** What is told while it plays. */
export interface PlayListener {
  readonly day: (day: number, jobs: number) => void
  readonly guess: (library: string | undefined) => void
}

const dayMs = 86_400_000
/** A Monday's noon: nights stay whole. */
const from = Date.UTC(2026, 0, 5, 12)

/** Plays a month. */
export async function play({ site, days, seed, guessDays }: Play, listener: PlayListener): Promise<Played> {
  const simulation = createSimulation(simulatedSite(site), {
    seed,
    from,
    onDay: ({ at, jobs }) => listener.day(Math.round((at - from) / dayMs), jobs),
  })
  for (const day of guessDays) {
    await simulation.run(from + day * dayMs)
    listener.guess(libraryToEnlarge(site, await simulation.results()))
  }
  await simulation.run(from + days * dayMs)
  const all = await simulation.results()
  await simulation.stop()
  const { jobs: _, ...results } = all
  return { results, summary: summarise(all) }
}

/**
 * The library whose drives are waited for longest; where nobody waits, the one whose drives are held most. Less than a
 * tenth of their time is no difference: then it is the first of them.
 */
export function libraryToEnlarge(
  site: Site,
  { waiting, drives, from: begin, until }: Pick<SimulationResults, 'waiting' | 'drives' | 'from' | 'until'>,
): string | undefined {
  let best: { readonly name: string; readonly waited: number; readonly held: number } | undefined
  for (const library of site.libraries) {
    const own = new Set([library.name])
    for (let drive = 1; drive <= library.drives; drive++) own.add(driveName(library.name, drive))
    const waited = waiting.filter(({ name }) => own.has(name)).reduce((sum, { totalMs }) => sum + totalMs, 0)
    const heldMs = drives.filter(({ name }) => own.has(name)).flatMap((drive) => [...drive.heldMs])
    const share = heldMs.reduce((sum, ms) => sum + ms, 0) / library.drives / Math.max(1, until - begin)
    const held = Math.round(10 * share)
    const better = best === undefined || waited > best.waited || (waited === best.waited && held > best.held)
    if (better) best = { name: library.name, waited, held }
  }
  return best?.name
}
