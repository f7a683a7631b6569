/** Histories of a property: few in an ordinary run. */
export const numRuns: number = process.env['NB_LONG'] === '1' ? 10_000 : 200
export const seed: number = Number(process.env['NB_SEED'] ?? 20_260_101)
