import { parseDuration } from '@nb/contracts'
import { UsageError } from './exit-code.ts'

/** The units that periods are shown in. */
const unitMs = {
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
  /** 365 days, as retention levels count it. */
  y: 365 * 86_400_000,
} as const

/**
 * A length of time as typed, milliseconds: `90s`, `15min`, `12h`, `30d`, `2w`, `1y`, and all that policy files take, such as
 * `1 week` or `1 month`. Throws {@link UsageError}.
 */
export function parsePeriod(text: string): number {
  const milliseconds = parseDuration(text, { long: true })
  if (milliseconds === undefined)
    throw new UsageError(`'${text}' is no period; write 90s, 15min, 12h, 30d, 2w, '1 month' or 1y`)
  return milliseconds
}

/** A period in the largest unit that divides it: `2w`, `31d`, `90min`; what {@link parsePeriod} reads. */
export function formatPeriod(milliseconds: number): string {
  for (const unit of ['y', 'w', 'd', 'h', 'min'] as const)
    if (milliseconds > 0 && milliseconds % unitMs[unit] === 0) return `${milliseconds / unitMs[unit]}${unit}`
  return `${Math.round(milliseconds / 1000)}s`
}
