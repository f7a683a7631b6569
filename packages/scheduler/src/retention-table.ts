import { NbError, type RetentionLevel, SerialQueue, type Store, defaultRetentionLevels } from '@nb/contracts'

/** The retention table at rest. */
export interface RetentionTable {
  /** All levels, 0–100. */
  levels(): Promise<readonly RetentionLevel[]>
  /** Sets one, durably. Rejects with `argument-invalid`. */
  put(level: RetentionLevel): Promise<void>
  /** How long an image of a level is kept, milliseconds; `null` is for ever. At once where it is known already. */
  periodMs(level: number): Promise<number | null> | number | null
}

/** 9 is for ever and 25 at once, whatever the table says. */
const fixed: readonly number[] = [9, 25]
const longestMs = 100 * 365 * 86_400_000

/** Makes the table on a sublevel of `store`; a level that was never set has the field's period. */
export function createRetentionTable(store: Store): RetentionTable {
  const level = store.sublevel<string, RetentionLevel>('retention', { valueEncoding: 'json' })
  const changes = new SerialQueue()
  /** Periods that were read or set; nobody else writes the table. */
  const known = new Map<number, number | null>()
  const read = async (number: number): Promise<number | null> => {
    const row = (await level.get(String(number))) ?? defaultRetentionLevels[number]
    // A period that was set meanwhile is newer than what was read.
    if (!known.has(number)) known.set(number, row?.periodMs ?? null)
    return known.get(number) ?? null
  }
  return {
    levels: async () => {
      const set = new Map<number, RetentionLevel>()
      for await (const row of level.values()) set.set(row.level, row)
      return defaultRetentionLevels.map((row) => set.get(row.level) ?? row)
    },
    put: (row) =>
      changes.run(async () => {
        check(row)
        const { level: number, periodMs } = row
        await level.put(String(number), { level: number, periodMs }, { sync: true } as object)
        known.set(number, periodMs)
      }),
    periodMs: (number) => {
      const period = known.get(number)
      return period === undefined ? read(number) : period
    },
  }
}

function check({ level, periodMs }: RetentionLevel): void {
  if (!Number.isSafeInteger(level) || level < 0 || level > 100) {
    refuse('level', `must be a whole number from 0 to 100, not ${level}`)
  }
  if (fixed.includes(level) && periodMs !== defaultRetentionLevels[level]?.periodMs) {
    refuse('level', `${level} is fixed: 9 keeps for ever, 25 expires at once`)
  }
  if (periodMs === null) return
  if (!Number.isSafeInteger(periodMs) || periodMs < 0 || periodMs > longestMs) {
    refuse(
      'periodMs',
      `must be null or whole milliseconds from 0 to ${longestMs} (100 years), not ${periodMs}`,
    )
  }
}

function refuse(field: string, what: string): never {
  throw new NbError('argument-invalid', `retention level: ${field} ${what}`, { details: { field } })
}
