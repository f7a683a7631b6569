import { once } from 'node:events'
import { NbError } from '@nb/contracts'
import { type Play, type Played, play } from './play.ts'

/** What the process of a month tells whoever began it. The month itself is the first message that it gets. */
export type Told =
  | { readonly kind: 'day'; readonly day: number; readonly jobs: number }
  | { readonly kind: 'guess'; readonly name: string | undefined }
  | { readonly kind: 'played'; readonly played: Played }
  | { readonly kind: 'failed'; readonly error: Pick<NbError, 'code' | 'message' | 'status' | 'details'> }

const tell = (told: Told): void => void process.send?.(told)

// Whoever began it is gone: nobody wants the month any more.
process.once('disconnect', () => process.exit())
const [month] = (await once(process, 'message')) as [Play]
try {
  const played = await play(month, {
    day: (day, jobs) => tell({ kind: 'day', day, jobs }),
    guess: (name) => tell({ kind: 'guess', name }),
  })
  tell({ kind: 'played', played })
} catch (error) {
  // What is wrong with a site keeps its kind on the way; a fault of the program ends the process.
  if (!(error instanceof NbError)) throw error
  const { code, message, status, details } = error
  tell({ kind: 'failed', error: { code, message, status, details } })
}
