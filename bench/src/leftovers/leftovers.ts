import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type OwnProcess, identify, isRunning, stopProcesses } from './processes.ts'
import { deadRuns, folderPrefix, recordFile, removeRecord, writeRecord } from './record.ts'

/** How a process is stopped, and whether it would go on if this one were killed. */
export interface OwnOptions {
  /** What ends it in good order. @default `SIGTERM` */
  readonly stopSignal?: NodeJS.Signals
  /** It does not end by itself, so the record of the run names it. @default false */
  readonly outlives?: boolean
}

/**
 * The one owner of all that a run of the bench makes outside itself and takes away at its end, however that comes: folders are made
 * through it, processes are registered with it. What does not go away by itself is in a record in the work directory, by which the next run
 * finds what one that was killed has left.
 */
export class Leftovers {
  readonly #folders = new Set<string>()
  readonly #processes = new Map<number, OwnProcess & Required<OwnOptions>>()
  #work: string | undefined
  #made: readonly string[] = []
  #isEnding = false

  /**
   * Keeps a record in this folder from now on, and makes folders there. Throws the system's error where none can be written.
   *
   * @param made - it and those above it that were made for the run, the highest first; removed at the end if they are empty then
   */
  open(workDirectory: string, made: readonly string[] = []): void {
    writeRecord(recordFile(workDirectory), { folders: [], processes: [] })
    this.#work = workDirectory
    this.#made = made
  }

  /** Whether the run is at its end: nothing new is made or started then. */
  get isEnding(): boolean {
    return this.#isEnding
  }

  /** What has been made and is still there, for people. */
  get left(): readonly string[] {
    const processes = [...this.#processes.values()].filter(isRunning)
    return [
      ...processes.map(({ name, pid }) => `process ${pid} (${name})`),
      ...[...this.#folders].filter((folder) => existsSync(folder)),
    ]
  }

  /**
   * Makes an empty folder.
   *
   * @param what - for its name
   * @param parent - where; in the work directory if not given
   */
  folder(what: string, parent: string = this.#work ?? tmpdir()): string {
    this.#refuseAtEnd()
    const folder = mkdtempSync(join(parent, `${folderPrefix}${what}-`))
    this.#folders.add(folder)
    this.#write()
    return folder
  }

  /** Removes a folder before the end. */
  async remove(folder: string): Promise<void> {
    // What is removed may still be written to by somebody who is about to end.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    this.#folders.delete(folder)
    this.#write()
  }

  /** Registers a child that was just started, for as long as it runs. Throws, and kills it, when the run is ending. */
  own<Child extends ChildProcess>(child: Child, options: OwnOptions = {}): Child {
    // It could not be started, which it says by its event.
    if (child.pid === undefined) return child
    if (this.#isEnding) child.once('error', () => undefined).kill('SIGKILL')
    this.#refuseAtEnd()
    const { pid } = child
    this.ownPid(pid, child.spawnfile, options)
    child.once('exit', () => this.disown(pid))
    return child
  }

  /** Registers a process that is no child of this one. */
  ownPid(pid: number, name: string, { stopSignal = 'SIGTERM', outlives = false }: OwnOptions = {}): void {
    const identity = identify(pid)
    if (identity === undefined) return
    this.#processes.set(pid, { ...identity, name, stopSignal, outlives })
    if (outlives) this.#write()
  }

  /** Forgets a process that has ended. */
  disown(pid: number): void {
    const outlives = this.#processes.get(pid)?.outlives === true
    this.#processes.delete(pid)
    if (outlives) this.#write()
  }

  /** In long work of this thread: lets signals come through. Rejects when the run is ending. */
  async giveWay(): Promise<void> {
    await nextTurn()
    this.#refuseAtEnd()
  }

  /** Stops all processes and removes all folders. What can't be is in {@link left} afterwards. */
  async clear(): Promise<void> {
    const stopped = [...this.#processes.values()]
    const running = await stopProcesses(stopped)
    for (const { pid } of stopped) this.disown(pid)
    for (const { pid, name, stopSignal } of running) this.ownPid(pid, name, { stopSignal, outlives: true })
    for (const folder of [...this.#folders]) await this.remove(folder).catch(isLeft)
  }

  /** Clears at the end of the run: nothing is made or started any more, and the record goes when nothing is left. */
  async end(): Promise<void> {
    this.#isEnding = true
    await this.clear()
    if (this.#work === undefined || this.left.length > 0) return
    removeRecord(recordFile(this.#work))
    this.#work = undefined
    removeEmptyFolders(this.#made)
  }

  #refuseAtEnd(): void {
    if (this.#isEnding) throw new Error('the bench is ending')
  }

  #write(): void {
    if (this.#work === undefined) return
    const processes = [...this.#processes.values()].filter(({ outlives }) => outlives)
    writeRecord(recordFile(this.#work), { folders: [...this.#folders], processes })
  }
}

/** Those of this process. */
export const leftovers: Leftovers = new Leftovers()

/** Stops and removes what runs that were killed have left, and says so. */
export async function removeDeadRuns(workDirectory: string, tell: (line: string) => void): Promise<void> {
  for (const { file, record } of deadRuns(workDirectory)) {
    const { run, folders, processes } = record
    const names = [...processes.map(({ name, pid }) => `process ${pid} (${name})`), ...folders]
    tell(
      `run ${run.pid} was killed; stopping and removing what it has left: ${names.join(', ') || 'nothing'}`,
    )
    const running = await stopProcesses(processes)
    if (running.length > 0) throw new Error(`processes go on: ${running.map(({ pid }) => pid).join(', ')}`)
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
    removeRecord(file)
  }
}

/** Removes folders, the last first, that hold nothing. */
export function removeEmptyFolders(folders: readonly string[]): void {
  for (const folder of [...folders].reverse()) {
    try {
      rmdirSync(folder)
    } catch (error) {
      if (!['ENOTEMPTY', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
}

/** What can't be removed is told of at the end, with all that is left. */
function isLeft(): void {}
