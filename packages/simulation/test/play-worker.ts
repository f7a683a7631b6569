import { parentPort, workerData } from 'node:worker_threads'
import { type SimulatedSite, type SimulationResults, createSimulation } from '@nb/simulation'
import { seededRandom } from '@nb/test-kit'
import { monthSite } from './month-site.ts'
import { playWatched, randomSite } from './random-site.ts'
import { day, hour, monday } from './sites.ts'

/** What a thread can be asked for. */
export interface Tasks {
  readonly simulate: {
    readonly takes: { readonly site: SimulatedSite; readonly days: number; readonly seed: number }
    readonly gives: SimulationResults
  }
  readonly random: {
    readonly takes: { readonly first: number; readonly runs: number }
    readonly gives: readonly {
      readonly seed: number
      readonly results: SimulationResults
      readonly wrong: readonly string[]
    }[]
  }
  readonly month: {
    readonly takes: { readonly clients: number; readonly perPolicy: number; readonly days: number }
    readonly gives: { readonly results: SimulationResults; readonly seconds: number }
  }
}

/** One of them. */
export interface Task<Name extends keyof Tasks> {
  readonly name: Name
  readonly input: Tasks[Name]['takes']
}

const does: {
  readonly [Name in keyof Tasks]: (input: Tasks[Name]['takes']) => Promise<Tasks[Name]['gives']>
} = {
  simulate: ({ site, days, seed }) => simulate(site, days, seed),
  random: async ({ first, runs }) => {
    const played: { seed: number; results: SimulationResults; wrong: string[] }[] = []
    for (let seed = first; seed < first + runs; seed++)
      played.push({ seed, ...(await playWatched(randomSite(seededRandom(seed)), seed, 6)) })
    return played
  },
  month: async ({ clients, perPolicy, days }) => {
    const site = monthSite(clients, perPolicy)
    const begun = performance.now()
    const results = await simulate(site, days, 3)
    return { results, seconds: (performance.now() - begun) / 1000 }
  },
}

async function simulate(site: SimulatedSite, days: number, seed: number): Promise<SimulationResults> {
  const simulation = createSimulation(site, { seed })
  await simulation.run(monday + 12 * hour + days * day)
  const results = await simulation.results()
  await simulation.stop()
  return results
}

async function run<Name extends keyof Tasks>({ name, input }: Task<Name>): Promise<Tasks[Name]['gives']> {
  return does[name](input)
}

parentPort?.postMessage(await run(workerData as Task<keyof Tasks>))
