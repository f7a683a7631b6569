import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readLog } from './log-file.ts'
import { liveFiles } from './manifest.ts'
import { tableFault } from './table-file.ts'

/** What a check of a database found. */
export interface DatabaseCheck {
  /** A sentence for each file that can't be trusted. */
  readonly faults: readonly string[]
  /** Bytes of the log that LevelDB would pass over without a word. */
  readonly silentBytes: number
}

/**
 * Checks every checksum of a LevelDB database that is closed: LevelDB writes them and, as Node's bindings open it, looks at those of its
 * tables never. What a crash leaves (a torn end of a log, tables that nothing names) is no fault.
 */
export async function checkDatabase(folder: string): Promise<DatabaseCheck> {
  const names = await readdir(folder).catch(unlessAbsent)
  if (names === undefined || !names.includes('CURRENT')) return { faults: [], silentBytes: 0 }
  const current = await readFile(join(folder, 'CURRENT'), 'utf8')
  const manifestName = /^(MANIFEST-\d+)\n$/.exec(current)?.[1]
  if (manifestName === undefined || !names.includes(manifestName))
    return { faults: ['CURRENT names no manifest'], silentBytes: 0 }
  const manifest = readLog(await readFile(join(folder, manifestName)))
  const live = liveFiles(manifest.records)
  if (manifest.fault !== undefined || live === undefined)
    return { faults: [`${manifestName}: ${manifest.fault ?? 'its records are garbled'}`], silentBytes: 0 }
  const faults: string[] = []
  for (const [number, sizeBytes] of live.tables) {
    const name = fileName(names, number)
    if (name === undefined) faults.push(`table ${number} is missing`)
    else {
      const bytes = await readFile(join(folder, name))
      const fault =
        bytes.length === sizeBytes ? tableFault(bytes) : `it has ${bytes.length} of ${sizeBytes} bytes`
      if (fault !== undefined) faults.push(`${name}: ${fault}`)
    }
  }
  let silentBytes = 0
  for (const name of names) {
    const number = /^(\d+)\.log$/.exec(name)?.[1]
    if (number === undefined || Number(number) < live.logNumber) continue
    silentBytes += readLog(await readFile(join(folder, name))).silentBytes
  }
  return { faults, silentBytes }
}

function fileName(names: readonly string[], number: number): string | undefined {
  const padded = String(number).padStart(6, '0')
  return [`${padded}.ldb`, `${padded}.sst`].find((name) => names.includes(name))
}

function unlessAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
