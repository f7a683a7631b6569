import type { Job } from '@nb/contracts'
import { formatBytes, formatCounted, formatDuration } from './units.ts'

const barWidth = 24

/** A job's progress in one line: bar and share where the end is known, files, bytes, rate, time. */
export function progressLine(job: Job, now: number): string {
  const { progress, activeAt } = job
  const what = `job ${job.id} ${job.state === 'active' ? (job.operation ?? 'active') : job.state}`
  if (progress === undefined) return what
  const elapsedMs = activeAt === undefined ? 0 : (job.endedAt ?? now) - activeAt
  const parts = [
    what,
    bar(progress.bytes, progress.estimatedBytes),
    formatCounted(progress.files, 'file'),
    formatBytes(progress.bytes),
    ...(elapsedMs >= 500 ? [`${formatBytes(progress.bytes / (elapsedMs / 1000))}/s`] : []),
    ...(activeAt === undefined ? [] : [formatDuration(elapsedMs)]),
  ]
  return parts.filter((part) => part !== '').join('  ')
}

function bar(done: number, expected: number | undefined): string {
  if (expected === undefined || expected <= 0) return ''
  const share = Math.min(1, done / expected)
  const filled = Math.floor(share * barWidth)
  return `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${Math.floor(share * 100)}%`
}
