import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process of this host: its number is given to others later, its number and its start together are not. */
export interface ProcessIdentity {
  readonly pid: number
  /** When it was started, in the kernel's clock ticks since the system's start. */
  readonly start: string
}

/** A process that is to be stopped when the bench ends. */
export interface OwnProcess extends ProcessIdentity {
  /** What it is, for people. */
  readonly name: string
  /** What ends it in good order. */
  readonly stopSignal: NodeJS.Signals
}

/** How long a process may take to end in good order, and how long the kernel may take to end it. */
const patience = { inOrderMs: 10_000, killedMs: 5_000 }

/** Who has this number now; `undefined` when nobody has. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = statOf(pid)
  return stat === undefined ? undefined : { pid, start: stat.start }
}

/** Whether a process still runs; one that has ended and waits for its parent to ask does not. */
export function isRunning({ pid, start }: ProcessIdentity): boolean {
  const stat = statOf(pid)
  return stat !== undefined && stat.start === start && !'ZX'.includes(stat.state)
}

/**
 * Stops processes, with all that they have started: in good order, and by force those that take too long.
 *
 * @returns those that run nevertheless
 */
export async function stopProcesses(processes: readonly OwnProcess[]): Promise<readonly OwnProcess[]> {
  const all = holdAll(processes)
  for (const each of all) send(each, each.stopSignal)
  for (const each of all) send(each, 'SIGCONT')
  await untilEnded(all, patience.inOrderMs)
  for (const each of all) send(each, 'SIGKILL')
  await untilEnded(all, patience.killedMs)
  return all.filter(isRunning)
}

/** Processes and all below them, held still: a child that is started meanwhile, and whose parent has ended, can't be told from others. */
function holdAll(processes: readonly OwnProcess[]): readonly OwnProcess[] {
  const held = new Map<number, OwnProcess>()
  for (let found = processes.filter(isRunning); found.length > 0;) {
    for (const each of found) {
      send(each, 'SIGSTOP')
      held.set(each.pid, each)
    }
    found = [...held.values()]
      .flatMap((parent) => childrenOf(parent.pid).map((child) => ({ ...parent, ...child })))
      .filter(({ pid }) => !held.has(pid))
  }
  return [...held.values()]
}

function send(to: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isRunning(to)) return
  try {
    process.kill(to.pid, signal)
  } catch (error) {
    // It may have ended since; whoever may not be stopped is told of at the end.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

async function untilEnded(processes: readonly ProcessIdentity[], mostMs: number): Promise<void> {
  const until = performance.now() + mostMs
  while (processes.some(isRunning) && performance.now() < until) await sleep(20)
}

function childrenOf(parent: number): readonly ProcessIdentity[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = statOf(Number(name))
      return stat?.parent === parent ? [{ pid: Number(name), start: stat.start }] : []
    })
}

interface Stat {
  readonly state: string
  readonly parent: number
  readonly start: string
}

function statOf(pid: number): Stat | undefined {
  let line: string
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
  // The name, in parentheses, may hold anything.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', parent: Number(fields[1]), start: fields[19] ?? '' }
}
