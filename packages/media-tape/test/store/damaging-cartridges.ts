import type { Cartridge, CartridgeStore } from '../../src/index.ts'
import { memoryCartridges } from '../../src/index.ts'

/** Cartridges in memory whose bits can be flipped. */
export interface DamagingCartridges extends CartridgeStore {
  /** Flips the lowest bit of a byte of the block that is object `object`. */
  readonly flip: (cartridge: string, object: number, byte: number) => void
}

export function damagingCartridges(): DamagingCartridges {
  const store = memoryCartridges()
  const flipped = new Map<string, number>()
  return {
    flip: (cartridge, object, byte) => void flipped.set(`${cartridge} ${object}`, byte),
    load: (name) => store.load(name),
    save: (name, record) => store.save(name, record),
    open: async (name) => {
      const cartridge = await store.open(name)
      return {
        index: cartridge.index,
        get durableObjects() {
          return cartridge.durableObjects
        },
        read: async (at) => {
          const bytes = await cartridge.read(at)
          const byte = flipped.get(`${name} ${at}`)
          if (byte === undefined || bytes === undefined) return bytes
          const other = Buffer.from(bytes)
          other.writeUInt8((other[byte] as number) ^ 1, byte)
          return other
        },
        cut: (at) => cartridge.cut(at),
        appendBlock: (data, mediaBytes, isEncrypted) => cartridge.appendBlock(data, mediaBytes, isEncrypted),
        appendFilemark: () => cartridge.appendFilemark(),
        sync: () => cartridge.sync(),
        close: () => cartridge.close(),
      } satisfies Cartridge
    },
  }
}
