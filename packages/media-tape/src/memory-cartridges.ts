import { type Cartridge, CartridgeIndex, type CartridgeStore, type LibraryLayout } from './cartridge.ts'

/** Volumes in memory, gone with the process. */
export function memoryCartridges(): CartridgeStore {
  const cartridges = new Map<string, Cartridge>()
  let layout: LibraryLayout | undefined
  return {
    open: async (barcode) => {
      const known = cartridges.get(barcode) ?? memoryCartridge()
      cartridges.set(barcode, known)
      return known
    },
    loadLayout: async () => layout,
    saveLayout: async (saved) => void (layout = saved),
  }
}

function memoryCartridge(): Cartridge {
  const index = new CartridgeIndex()
  const objects: Uint8Array[] = []
  const filemark = new Uint8Array(0)
  return {
    index,
    read: async (at) => objects[at] ?? filemark,
    cut: async (at) => {
      index.cut(at)
      objects.length = index.objects
    },
    appendBlock: async (data) => {
      objects.push(data.slice())
      index.addBlock(data.length)
    },
    appendFilemark: async () => {
      objects.push(filemark)
      index.addFilemark()
    },
    sync: async () => undefined,
    close: async () => undefined,
  }
}
