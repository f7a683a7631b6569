import { parentPort, workerData } from 'node:worker_threads'
import { NbError } from '@nb/contracts'
import { type Play, type Played, play } from './play.ts'

/** What the thread of a month tells. */
export type Told =
  | { readonly kind: 'day'; readonly day: number; readonly jobs: number }
  | { readonly kind: 'guess'; readonly name: string | undefined }
  | { readonly kind: 'played'; readonly played: Played }
  | { readonly kind: 'failed'; readonly error: Pick<NbError, 'code' | 'message' | 'status' | 'details'> }

const tell = (told: Told): void => parentPort?.postMessage(told)

try {
  const played = await play(workerData as Play, {
    day: (day, jobs) => tell({ kind: 'day', day, jobs }),
    guess: (name) => tell({ kind: 'guess', name }),
  })
  tell({ kind: 'played', played })
} catch (error) {
  // What is wrong with a site keeps its kind on the way; a fault of the program ends the thread.
  if (!(error instanceof NbError)) throw error
  const { code, message, status, details } = error
  tell({ kind: 'failed', error: { code, message, status, details } })
}
