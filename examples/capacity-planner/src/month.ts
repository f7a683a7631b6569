import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { NbError } from '@nb/contracts'
import type { Play, PlayListener, Played } from './play.ts'
import type { Told } from './play-process.ts'

/** A month that is being played. */
export interface Month {
  readonly played: Promise<Played>
  /** Ends it, where nobody wants it any more; `played` rejects. */
  readonly giveUp: () => void
}

/**
 * How V8 keeps memory, which it wants to know before a process has any: a large young generation, since most of what a
 * simulated job leaves behind is gone soon; no look at the old one before it holds a gigabyte; and no threads of its own
 * to clear the young one: the other month has the other core. docs/adr/0009-a-month-is-a-process.md has the figures.
 */
const memoryFlags = ['--max-semi-space-size=64', '--initial-old-space-size=1000', '--no-parallel-scavenge']

/** Plays a month in a process of its own. */
export function beginMonth(month: Play, listener: PlayListener): Month {
  const script = import.meta.url.endsWith('.ts') ? './play-process.ts' : './play-process.js'
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), {
    execArgv: [...process.execArgv, ...memoryFlags],
    serialization: 'advanced',
  })
  const played = new Promise<Played>((resolve, reject) => {
    child.on('message', (told: Told) => {
      if (told.kind === 'day') listener.day(told.day, told.jobs)
      else if (told.kind === 'guess') listener.guess(told.name)
      else if (told.kind === 'played') {
        child.disconnect()
        resolve(told.played)
      } else {
        child.disconnect()
        const { code, message, status, details } = told.error
        reject(new NbError(code, message, { status, details }))
      }
    })
    child.once('error', reject)
    child.once('exit', (code, signal) =>
      reject(new Error(`the process of a month ended with ${signal ?? code}`)),
    )
  })
  child.send(month, (error) => {
    // A process that is gone tells so by its exit.
    if (error !== null) child.kill()
  })
  return { played, giveUp: () => void child.kill() }
}
