import { asNbError, type RunResult } from '@nb/contracts'
import type { NotifyScripts, ScriptedBackup, ScriptSurroundings } from './notify-scripts.ts'

/** What a run told of itself before its id was put to it. */
export type RunOutcome = Omit<RunResult, 'runId'>

/** A backup between its two scripts. */
export interface ScriptedWork {
  readonly scripts: NotifyScripts | undefined
  readonly backup: ScriptedBackup
  readonly surroundings: ScriptSurroundings
  /** Throws what the run was ended with. */
  readonly throwIfEnded: () => void
  /** Takes the end script of a backup that failed: its result is told at once, the script goes on by itself. */
  readonly afterwards: (status: number, error: unknown) => void
}

/**
 * Reads between the start script and the end script. Whoever was told of the start, such as a database, is told of the
 * end too, also when the reading failed or was ended early; only a start that failed has no end.
 *
 * @throws NbError as {@link NotifyScripts}, and whatever `read` throws
 */
export async function withScripts(work: ScriptedWork, read: () => Promise<RunOutcome>): Promise<RunOutcome> {
  const { scripts, backup, surroundings, throwIfEnded, afterwards } = work
  if (scripts === undefined) return read()
  await scripts.start(backup, surroundings)
  let outcome: RunOutcome
  try {
    throwIfEnded()
    outcome = await read()
    throwIfEnded()
  } catch (error) {
    afterwards(asNbError(error).status, error)
    throw error
  }
  const warnings = outcome.warnings + (await scripts.end({ ...backup, status: outcome.status }, surroundings))
  return { ...outcome, status: warnings > 0 ? 1 : outcome.status, warnings }
}
