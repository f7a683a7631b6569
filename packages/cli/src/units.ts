export { formatBytes } from '@nb/contracts'

/** A length of time: `0:07`, `12:34`, `3:25:45`, `2d 03:25:45`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const days = Math.floor(seconds / 86_400)
  const hours = Math.floor(seconds / 3600) % 24
  const minutes = Math.floor(seconds / 60) % 60
  const rest = two(seconds % 60)
  if (days > 0) return `${days}d ${two(hours)}:${two(minutes)}:${rest}`
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`
}

/** A moment in local time, to the second: `2026-03-01 22:15:09`. */
export function formatTime(time: number): string {
  const at = new Date(time)
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clockTime(at)}`
}

/** The time of day of a moment in local time. */
export function formatTimeOfDay(time: number): string {
  return clockTime(new Date(time))
}

/** Nanoseconds since the epoch as a moment in local time, to the second. */
export function formatNanoseconds(nanoseconds: string): string {
  return formatTime(Number(BigInt(nanoseconds) / 1_000_000n))
}

/** Text in which every ISO 8601 time in UTC is local, as {@link formatTime} writes it. */
export function withLocalTimes(text: string): string {
  return text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (time) => formatTime(Date.parse(time)))
}

/** A count with separators: `1,234,567`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** A count with separators and its noun: `1 entry`, `1,234 files`. */
export function formatCounted(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`
}

const two = (value: number): string => String(value).padStart(2, '0')

const clockTime = (at: Date): string =>
  `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
