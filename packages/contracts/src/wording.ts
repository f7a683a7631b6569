/** A count with its noun, for a person: `1 entry`, `2 entries`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`
}

const binaryUnits = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']

/**
 * Bytes with the unit that leaves one to four digits: `999 B`, `1.5 KiB`, `20 GiB`.
 *
 * @param single - what follows a number of bytes below 1,000
 */
export function formatBytes(bytes: number, single = 'B'): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < binaryUnits.length) {
    value /= 1024
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)} ${binaryUnits[unit - 1] ?? single}`
}
