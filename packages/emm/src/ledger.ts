import {
  type CallOptions,
  NbError,
  type ResourceChange,
  SerialQueue,
  type Store,
  throwIfAborted,
} from '@nb/contracts'
import { ChangeFeed } from './change-feed.ts'
import type { Inventory } from './inventory.ts'
import { type Change } from './inventory.ts'
import { inventoryStore } from './inventory-store.ts'
import { resourceChange } from './resource-change.ts'
import { presentForm, upgrade } from './upgrade.ts'

/**
 * The inventory and its store as one: what is read comes from memory, what is changed is durable first, then
 * true in memory, then told to watchers. Changes run one after the other.
 */
export class Ledger {
  readonly #store: ReturnType<typeof inventoryStore>
  readonly #told: (change: Change, before: unknown) => void
  readonly #changes: SerialQueue = new SerialQueue()
  #inventory: Inventory | undefined
  #starting: Promise<void> | undefined
  #feed: ChangeFeed = new ChangeFeed()

  /** `told` gets each change after it is true, with what it replaced. */
  constructor(store: Store, told: (change: Change, before: unknown) => void) {
    this.#store = inventoryStore(store)
    this.#told = told
  }

  /** Reads the store. `first` gives what an empty one begins with. Rejects with `store-corrupt`, `store-failed`, `version-unsupported`. */
  start(first: (inventory: Inventory) => readonly Change[]): Promise<void> {
    this.#starting ??= this.#load(first).catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /** Ends the changes in hand, then all watches. */
  async stop(): Promise<void> {
    await this.#starting?.catch(() => undefined)
    await this.#changes.settled()
    this.#inventory = undefined
    this.#starting = undefined
    this.#feed.close()
  }

  /** The present state. Throws `manager-stopping` while not started. */
  get inventory(): Inventory {
    if (this.#inventory !== undefined) return this.#inventory
    throw new NbError('manager-stopping', 'the media manager does not run; start it first')
  }

  /** Watches from now on. */
  watch(options: CallOptions | undefined): ReturnType<ChangeFeed['watch']> {
    return this.#feed.watch(options)
  }

  /** Tells watchers of what is not kept in the store. */
  tell(change: ResourceChange): void {
    this.#feed.tell(change)
  }

  /** Runs alone among changes: `task` decides on the inventory as it is then. */
  alone<Result>(options: CallOptions | undefined, task: () => Promise<Result>): Promise<Result> {
    try {
      throwIfAborted(options)
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)))
    }
    return this.#changes.run(task)
  }

  /** Decides and commits, alone among changes. */
  change(
    options: CallOptions | undefined,
    decide: (inventory: Inventory) => readonly Change[],
  ): Promise<void> {
    return this.alone(options, () => this.commit(decide(this.inventory)))
  }

  /** Makes a batch durable and true. Only from within {@link Ledger.alone}. Rejects with `store-failed`. */
  commit(batch: readonly Change[]): Promise<void> {
    if (batch.length === 0) return Promise.resolve()
    const { inventory } = this
    return this.#store.write(batch).then(() => this.#makeTrue(inventory, batch))
  }

  #makeTrue(inventory: Inventory, batch: readonly Change[]): void {
    const replaced = batch.map((change): unknown => inventory[change.table].get(change.key))
    for (const change of batch) inventory.apply(change)
    this.#feed.tell(resourceChange(inventory, batch, replaced))
    let at = 0
    for (const change of batch) this.#told(change, replaced[at++])
  }

  async #load(first: (inventory: Inventory) => readonly Change[]): Promise<void> {
    const { inventory, form } = await this.#store.load()
    const upgraded = upgrade(inventory, form)
    for (const change of upgraded) inventory.apply(change)
    const begun = first(inventory)
    const batch = [...upgraded, ...begun]
    if (form !== presentForm || batch.length > 0) await this.#store.begin(batch)
    for (const change of begun) inventory.apply(change)
    this.#feed = new ChangeFeed()
    this.#inventory = inventory
  }
}
