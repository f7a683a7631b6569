import { Worker } from 'node:worker_threads'
import type { SimulatedSite, SimulationResults } from '@nb/simulation'
import type { Task, Tasks } from './play-worker.ts'

/**
 * Does a task on a thread of its own: the test runner follows every promise of its own thread, of which a simulation makes
 * millions.
 */
function onThread<Name extends keyof Tasks>(task: Task<Name>): Promise<Tasks[Name]['gives']> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./play-worker.ts', import.meta.url), {
      workerData: task,
      execArgv: ['--conditions=@nb/source'],
      env: {},
    })
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the thread ended with ${code}`)))
  })
}

/** Runs a site for some days from Monday's noon and gives what was found. */
export function simulate(site: SimulatedSite, days: number, seed = 1): Promise<SimulationResults> {
  return onThread({ name: 'simulate', input: { site, days, seed } })
}

/** Plays random sites and looks at them while they run. */
export function playRandomSites(first: number, runs: number): Promise<Tasks['random']['gives']> {
  return onThread({ name: 'random', input: { first, runs } })
}

/** Plays a month of many clients. */
export function playMonth(
  clients: number,
  perPolicy: number,
  days: number,
): Promise<Tasks['month']['gives']> {
  return onThread({ name: 'month', input: { clients, perPolicy, days } })
}
