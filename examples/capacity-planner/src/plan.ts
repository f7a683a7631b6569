import { Worker } from 'node:worker_threads'
import { NbError } from '@nb/contracts'
import { withOneMoreDrive } from './libraries.ts'
import { type Play, type PlayListener, type Played, libraryToEnlarge } from './play.ts'
import type { Told } from './play-worker.ts'
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

interface Month {
  readonly played: Promise<Played>
  readonly giveUp: () => void
}

/**
 * Plays the site, and plays it again with one more drive where drives are waited for longest. Which library that is shows
 * early, mostly: the second month then goes beside the first, each on a thread of its own. Should the whole month tell
 * otherwise, the second is played for the library that it tells.
 */
export async function makePlan(site: Site, { days, seed, onDay }: PlanOptions): Promise<Plan> {
  const second = (library: string): Month =>
    playOnThread(
      { site: withOneMoreDrive(site, library), days, seed, guessDay: 0 },
      { day: (day, jobs) => onDay(`one more drive in ${library}`, day, days, jobs), guess: () => undefined },
    )
  let guessed: { readonly name: string; readonly month: Month } | undefined
  const guess = (library: string | undefined): void => {
    if (library === undefined) return
    guessed = { name: library, month: second(library) }
    // Its failure is told when it is waited for.
    guessed.month.played.catch(() => undefined)
  }
  const [only, another] = site.libraries
  const isOpen = another !== undefined
  try {
    const first = playOnThread(
      { site, days, seed, guessDay: isOpen && days > 1 ? Math.ceil(days / 10) : 0 },
      { day: (day, jobs) => onDay('as it is', day, days, jobs), guess },
    )
    if (!isOpen) guess(only?.name)
    const plan = { site, days, seed, ...(await first.played) }
    const library = libraryToEnlarge(site, plan.results)
    if (library === undefined) return plan
    if (guessed?.name !== library) {
      guessed?.month.giveUp()
      guessed = { name: library, month: second(library) }
    }
    return { ...plan, oneMore: { library, ...(await guessed.month.played) } }
  } finally {
    guessed?.month.giveUp()
  }
}

/** Large young generation, megabytes: most of what a simulated job leaves behind is gone before it is moved. */
const youngMb = 128

function playOnThread(month: Play, listener: PlayListener): Month {
  const script = import.meta.url.endsWith('.ts') ? './play-worker.ts' : './play-worker.js'
  const worker = new Worker(new URL(script, import.meta.url), {
    workerData: month,
    resourceLimits: { maxYoungGenerationSizeMb: youngMb },
  })
  const played = new Promise<Played>((resolve, reject) => {
    worker.on('message', (told: Told) => {
      if (told.kind === 'day') listener.day(told.day, told.jobs)
      else if (told.kind === 'guess') listener.guess(told.name)
      else if (told.kind === 'played') resolve(told.played)
      else {
        const { code, message, status, details } = told.error
        reject(new NbError(code, message, { status, details }))
      }
    })
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the thread of a month ended with ${code}`)))
  })
  return { played, giveUp: () => void worker.terminate() }
}
