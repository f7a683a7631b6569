import { type Files, NbError, replaceFile } from '@nb/contracts'
import type { CartridgeStore } from './cartridge.ts'
import { openTapeFile } from './tape-file.ts'

/** Where cartridges are kept as files. */
export interface DirectoryCartridgesInput {
  readonly files: Files
  /** Absolute path. It is made when it is not there; its parent must be. */
  readonly directory: string
}

/** Cartridges as files of a directory: `NAME.tape` is what is recorded, `NAME.json` a record. */
export function directoryCartridges({ files, directory }: DirectoryCartridgesInput): CartridgeStore {
  const makeDirectory = async (): Promise<void> => {
    if ((await files.stat(directory)) !== undefined) return
    await files.makeDirectory(directory)
    await files.syncDirectory(directory.slice(0, directory.lastIndexOf('/')) || '/')
  }
  const pathOf = (name: string, ending: string): string => {
    if (!/^[A-Za-z0-9.-]{1,40}$/.test(name) || name.startsWith('.'))
      throw new TypeError(`${JSON.stringify(name)} is no name of a cartridge`)
    return `${directory}/${name}.${ending}`
  }
  return {
    open: async (name) => {
      const path = pathOf(name, 'tape')
      await makeDirectory()
      const isThere = (await files.stat(path)) !== undefined
      const file = await files.open(path, isThere ? 'update' : 'create')
      try {
        const cartridge = await openTapeFile(file, path)
        if (!isThere) await files.syncDirectory(directory)
        return cartridge
      } catch (error) {
        await file.close()
        throw error
      }
    },
    load: async (name) => {
      const path = pathOf(name, 'json')
      const content = await files.readFile(path)
      if (content === undefined) return undefined
      try {
        return JSON.parse(content.toString()) as unknown
      } catch (cause) {
        throw new NbError('store-corrupt', `${path} is no JSON`, { cause, details: { path } })
      }
    },
    save: async (name, record) => {
      const path = pathOf(name, 'json')
      await makeDirectory()
      await replaceFile(files, path, Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`))
    },
  }
}
