import { VarintReader } from './varint.ts'

/** What a database is made of, as its manifest tells. */
export interface LiveFiles {
  /** Number and size of each table. */
  readonly tables: ReadonlyMap<number, number>
  /** The oldest log that is still of use. */
  readonly logNumber: number
}

const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLog: 9,
}

/** Plays the records of a manifest. `undefined`: they are no such records. */
export function liveFiles(records: readonly Buffer[]): LiveFiles | undefined {
  const tables = new Map<number, number>()
  let logNumber = 0
  for (const record of records) {
    const reader = new VarintReader(record)
    while (!reader.atEnd) {
      const tag = reader.number()
      if (tag === TAG.comparator) {
        if (!reader.skipString()) return undefined
        continue
      }
      const value = reader.number()
      if (value === undefined) return undefined
      if (tag === TAG.logNumber) logNumber = value
      else if (tag === TAG.compactPointer) {
        if (!reader.skipString()) return undefined
      } else if (tag === TAG.deletedFile || tag === TAG.newFile) {
        // The first number was the level.
        const number = reader.number()
        if (number === undefined) return undefined
        if (tag === TAG.deletedFile) tables.delete(number)
        else {
          const sizeBytes = reader.number()
          if (sizeBytes === undefined || !reader.skipString() || !reader.skipString()) return undefined
          tables.set(number, sizeBytes)
        }
      } else if (tag !== TAG.nextFile && tag !== TAG.lastSequence && tag !== TAG.previousLog) return undefined
    }
  }
  return { tables, logNumber }
}
