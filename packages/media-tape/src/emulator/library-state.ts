import { NbError } from '@nb/contracts'
import { Elements } from './changer/elements.ts'
import type { LibrarySettings } from './library-options.ts'
import type { CartridgeStore } from './medium/cartridge.ts'
import { parseVolume, type Volume } from './medium/volume.ts'

/** Name of the record of where everything is; no cartridge can have it. */
const layoutName = 'library-layout'

/** The cartridges of a library and their places, as they are kept. */
export class LibraryState {
  readonly elements: Elements
  readonly #store: CartridgeStore
  readonly #options: LibrarySettings
  readonly #volumes = new Map<string, Volume>()

  constructor(store: CartridgeStore, options: LibrarySettings) {
    this.#store = store
    this.#options = options
    this.elements = new Elements(options)
  }

  /** Takes up what is kept, or makes a new library; it exists once its layout is saved, which comes last. */
  async open(): Promise<void> {
    const layout = await this.#store.load(layoutName)
    if (layout === undefined) {
      const first = this.elements.addresses.storage.first
      for (const [at, volume] of this.#options.volumes.entries()) {
        await this.create(volume, this.#options.contents.get(volume.name) ?? [])
        this.put(first + at, volume.name)
        this.elements.scan(first + at, (name) => this.labelOf(name))
      }
      await this.saveLayout()
      return
    }
    this.elements.restore(layout)
    for (const { holds } of this.elements.all) if (holds !== null) await this.adopt(holds)
  }

  /** A new cartridge: its tape first, then its record. */
  async create(volume: Volume, contents: readonly (Uint8Array | null)[]): Promise<void> {
    const cartridge = await this.#store.open(volume.name)
    try {
      await cartridge.cut(0)
      for (const one of contents)
        await (one === null ? cartridge.appendFilemark() : cartridge.appendBlock(one))
      await cartridge.sync()
    } finally {
      await cartridge.close()
    }
    await this.saveVolume(volume)
  }

  /** A cartridge that is kept and was outside. Rejects with `not-found` when it isn't. */
  async adopt(name: string): Promise<void> {
    const record = await this.#store.load(name)
    if (record === undefined)
      throw new NbError('not-found', `there is no cartridge ${name}`, { details: { name } })
    this.#volumes.set(name, parseVolume(record, name))
  }

  /** Lays a cartridge into an element, without the library seeing it. */
  put(address: number, holds: string | null): void {
    const element = this.elements.at(address)
    if (element !== undefined) this.elements.set({ ...element, holds })
  }

  volume(name: string): Volume {
    const volume = this.#volumes.get(name)
    if (volume === undefined)
      throw new NbError('not-found', `there is no cartridge ${name} in the library`, { details: { name } })
    return volume
  }

  labelOf(name: string): string | null {
    return this.#volumes.get(name)?.barcode ?? null
  }

  async saveVolume(volume: Volume): Promise<void> {
    await this.#store.save(volume.name, volume)
    this.#volumes.set(volume.name, volume)
  }

  async saveLayout(): Promise<void> {
    await this.#store.save(layoutName, this.elements.record())
  }
}
