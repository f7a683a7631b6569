import { readFileSync } from 'node:fs'

/** Clock ticks a second in /proc, on all systems that Node runs on. */
const TICKS_PER_SECOND = 100

/** User and system time of processes so far, with that of their children that have ended, milliseconds. */
export function cpuMsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuMsIn(readFileSync(`/proc/${pid}/stat`, 'utf8')), 0)
}

/** The times in a line of /proc/PID/stat, milliseconds. */
export function cpuMsIn(line: string): number {
  // The name, in parentheses, may hold anything.
  const fields = line
    .slice(line.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [user, system, childrenUser, childrenSystem] = fields.slice(11, 15)
  const ticks = Number(user) + Number(system) + Number(childrenUser) + Number(childrenSystem)
  if (Number.isNaN(ticks)) throw new Error(`the kernel wrote what it should not: ${line}`)
  return (ticks * 1000) / TICKS_PER_SECOND
}

/** The sum of the most resident memory that each of these processes has had, bytes. */
export function peakBytesOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + kibOf(pid, 'VmHWM') * 1024, 0)
}

/** The memory of a process that is resident now, bytes. */
export function residentBytesOf(pid: number): number {
  return kibOf(pid, 'VmRSS') * 1024
}

function kibOf(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]
  if (kib === undefined) throw new Error(`process ${pid} tells no ${field}`)
  return Number(kib)
}
