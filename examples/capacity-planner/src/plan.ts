import { withOneMoreDrive } from './libraries.ts'
import { type Month, beginMonth } from './month.ts'
import { type Played, libraryToEnlarge } from './play.ts'
import type { Site } from './site.ts'

/** How a plan is made. */
export interface PlanOptions {
  /** Days to simulate, 1–3650. */
  readonly days: number
  readonly seed: number
  /** Told of each simulated day. */
  readonly onDay: (run: string, day: number, days: number, jobs: number) => void
}

/** A month as it is, and with one more drive. */
export interface Plan extends Played {
  readonly site: Site
  readonly days: number
  readonly seed: number
  /** Absent for a site without a tape library. */
  readonly oneMore?: Played & { readonly library: string }
}

/**
 * After which days of the month it is guessed for which library the second is: at once, when that is only the first, after a
 * night, most nights of a week, and half of it.
 */
const guessDays = [0, 1, 5, 15]

/**
 * Plays the site, and plays it again with one more drive where drives are waited for longest. Which library that is shows
 * early, mostly: the second month then goes beside the first, each in a process of its own. Should more of the month
 * tell otherwise, the second begins again, for the library that it tells.
 */
export async function makePlan(site: Site, { days, seed, onDay }: PlanOptions): Promise<Plan> {
  const second = (library: string): Month =>
    beginMonth(
      { site: withOneMoreDrive(site, library), days, seed, guessDays: [] },
      { day: (day, jobs) => onDay(`one more drive in ${library}`, day, days, jobs), guess: () => undefined },
    )
  let guessed: { readonly name: string; readonly month: Month } | undefined
  const guess = (library: string | undefined): void => {
    if (library === undefined || library === guessed?.name) return
    guessed?.month.giveUp()
    guessed = { name: library, month: second(library) }
    // Its failure is told when it is waited for.
    guessed.month.played.catch(() => undefined)
  }
  const [only, another] = site.libraries
  const isOpen = another !== undefined
  try {
    const first = beginMonth(
      { site, days, seed, guessDays: isOpen ? guessDays.filter((day) => day < days) : [] },
      { day: (day, jobs) => onDay('as it is', day, days, jobs), guess },
    )
    if (!isOpen) guess(only?.name)
    const plan = { site, days, seed, ...(await first.played) }
    const library = libraryToEnlarge(site, plan.results)
    if (library === undefined) return plan
    guess(library)
    const oneMore = await guessed?.month.played
    return oneMore === undefined ? plan : { ...plan, oneMore: { library, ...oneMore } }
  } finally {
    guessed?.month.giveUp()
  }
}
