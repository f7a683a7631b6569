import type { Cartridge, CartridgeStore } from './cartridge.ts'
import { TapeIndex } from './tape-index.ts'

/** Cartridges in memory, gone with the process. */
export function memoryCartridges(): CartridgeStore {
  const cartridges = new Map<string, Cartridge>()
  const records = new Map<string, string>()
  return {
    open: async (name) => {
      const known = cartridges.get(name) ?? memoryCartridge()
      cartridges.set(name, known)
      return known
    },
    load: async (name) => {
      const record = records.get(name)
      return record === undefined ? undefined : (JSON.parse(record) as unknown)
    },
    save: async (name, record) => void records.set(name, JSON.stringify(record)),
  }
}

function memoryCartridge(): Cartridge {
  const index = new TapeIndex()
  const objects: Uint8Array[] = []
  const filemark = new Uint8Array(0)
  let durableObjects = 0
  return {
    index,
    get durableObjects() {
      return durableObjects
    },
    read: async (at) => objects[at] ?? filemark,
    cut: async (at) => {
      index.cut(at)
      objects.length = index.objects
      durableObjects = Math.min(durableObjects, at)
    },
    appendBlock: async (data, mediaBytes, isEncrypted) => {
      objects.push(Buffer.from(data))
      index.addBlock(data.length, mediaBytes, isEncrypted)
    },
    appendFilemark: async () => {
      objects.push(filemark)
      index.addFilemark()
    },
    sync: async () => void (durableObjects = index.objects),
    close: async () => undefined,
  }
}
