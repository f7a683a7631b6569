import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AllInOne } from './compose.ts'
import { lossWarning } from '@nb/example-host-program/database'

/**
 * What an administrator must know of a state that opened although something of it is gone. LevelDB reads over damaged
 * records of its log and only writes a note; a log that is missing is not noticed at all.
 */
export async function stateWarnings(state: string, { ports }: AllInOne): Promise<readonly string[]> {
  const warnings: string[] = []
  const dropped = droppedBytes(join(state, 'database', 'LOG'))
  if (dropped > 0) warnings.push(lossWarning(dropped))
  if (
    (await hasAny(ports.catalog.listImages({ limit: 1 }))) &&
    !(await hasAny(ports.scheduler.policies({})))
  ) {
    warnings.push(
      'there are images but no policy: if policies were stored, the database lost them; nothing is backed up until they are stored again',
    )
  }
  return warnings
}

/** Bytes that the database says it could not read at this opening. */
function droppedBytes(path: string): number {
  let note: string
  try {
    note = readFileSync(path, 'utf8')
  } catch {
    // Without its note nothing is known, which is no reason to warn.
    return 0
  }
  return [...note.matchAll(/dropping (\d+) bytes/g)].reduce((sum, [, bytes]) => sum + Number(bytes), 0)
}

async function hasAny(items: AsyncIterable<unknown>): Promise<boolean> {
  for await (const _item of items) return true
  return false
}
