import { MemoryLevel } from 'memory-level'

/** Called before each change; throws when the power is away. */
export type PowerGuard = (operation: string) => void

type Change = (database: ImplementerApi) => Promise<void>

/** The methods that `abstract-level` asks implementers for. */
interface ImplementerApi {
  _put(key: unknown, value: unknown, options: { readonly sync?: boolean }): Promise<void>
  _del(key: unknown, options: { readonly sync?: boolean }): Promise<void>
  _batch(operations: readonly unknown[], options: { readonly sync?: boolean }): Promise<void>
  _clear(options: { readonly sync?: boolean }): Promise<void>
}

const memory = MemoryLevel.prototype as unknown as ImplementerApi

/** A database with a write-ahead log whose unsynced end is lost with the power. */
export class LoggedDatabase {
  #log: Change[] = []
  #synced = 0
  #opened: { readonly generation: number; readonly level: MemoryLevel<string, string> } | undefined

  /** The database of this generation of the power; the same object until the next. */
  open(generation: number, guard: PowerGuard): MemoryLevel<string, string> {
    if (this.#opened?.generation === generation) return this.#opened.level
    const record = (change: Change, sync: boolean | undefined): void => {
      this.#log.push(change)
      if (sync === true) this.#synced = this.#log.length
    }
    const level = new PowerLossLevel(guard, record, [...this.#log])
    this.#opened = { generation, level: level as unknown as MemoryLevel<string, string> }
    return this.#opened.level
  }

  /** Forgets the end of the log: all that was not synced, or (as a disk may) only some of it. */
  restore(random: () => number): void {
    const unsynced = this.#log.length - this.#synced
    this.#log.length = this.#synced + Math.floor(random() * (unsynced + 1))
    this.#synced = this.#log.length
  }
}

class PowerLossLevel extends MemoryLevel<string, string> {
  readonly #guard: PowerGuard
  readonly #record: (change: Change, sync: boolean | undefined) => void
  readonly #replay: readonly Change[]

  constructor(
    guard: PowerGuard,
    record: (change: Change, sync: boolean | undefined) => void,
    replay: readonly Change[],
  ) {
    super()
    this.#guard = guard
    this.#record = record
    this.#replay = replay
  }

  async _open(): Promise<void> {
    for (const change of this.#replay) await change(this)
  }

  async #change(operation: string, sync: boolean | undefined, change: Change): Promise<void> {
    this.#guard(operation)
    this.#record(change, sync)
    await change(this)
  }

  _put(key: unknown, value: unknown, options: { readonly sync?: boolean }): Promise<void> {
    return this.#change('level:put', options.sync, (level) => memory._put.call(level, key, value, options))
  }

  _del(key: unknown, options: { readonly sync?: boolean }): Promise<void> {
    return this.#change('level:del', options.sync, (level) => memory._del.call(level, key, options))
  }

  _batch(operations: readonly unknown[], options: { readonly sync?: boolean }): Promise<void> {
    return this.#change('level:batch', options.sync, (level) =>
      memory._batch.call(level, operations, options),
    )
  }

  _clear(options: { readonly sync?: boolean }): Promise<void> {
    return this.#change('level:clear', options.sync, (level) => memory._clear.call(level, options))
  }
}
