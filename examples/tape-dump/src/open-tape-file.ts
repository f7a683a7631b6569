import { type Clock, type LibraryPlace, NbError, type OpenFile, systemFiles } from '@nb/contracts'
import {
  type CartridgeStore,
  createScsiTapeDrive,
  createScsiTapeRobot,
  createTapeEmulator,
  openTapeFile as openCartridge,
} from '@nb/media-tape'
import type { OpenDrive } from './open-drive.ts'

const from: LibraryPlace = { kind: 'slot', number: 1 }
const to: LibraryPlace = { kind: 'drive', number: 1 }

/**
 * A drive of the emulator with a persistent tape of it (`NAME.tape`) in it. The file is opened for reading alone, so looking can't change
 * what it looks at. Rejects with `store-corrupt` for a file that is no tape, and as the system does where it can't be read.
 */
export async function openTapeFile(clock: Clock, path: string): Promise<OpenDrive> {
  const library = createTapeEmulator(
    { clock, store: readOnlyTape(path) },
    {
      ...{ slots: 1, drives: 1, mailSlots: 0, capacityBytes: Number.MAX_SAFE_INTEGER },
      volumes: [{ name: 'tape', writeProtected: true }],
    },
  )
  await library.start()
  const robot = createScsiTapeRobot({ transport: library.transport('changer'), clock })
  await robot.inventory()
  await robot.move({ from, to })
  const drive = createScsiTapeDrive({ transport: library.transport('drive1'), clock }, { name: path })
  await drive.load()
  return { drive, close: () => library.stop() }
}

/** The one tape, whatever it is called. A new library would blank its tapes and note things: nothing of that happens. */
function readOnlyTape(path: string): CartridgeStore {
  const leave = async (): Promise<void> => undefined
  return {
    open: async () => {
      const file = await systemFiles().open(path, 'read')
      try {
        return { ...(await openCartridge(readOnly(file, path), path)), cut: leave, sync: leave }
      } catch (error) {
        await file.close()
        throw error
      }
    },
    load: leave,
    save: leave,
  }
}

/** What the tape would cut off behind a loss of power is left there. */
function readOnly(file: OpenFile, path: string): OpenFile {
  return {
    size: () => file.size(),
    read: (into, position) => file.read(into, position),
    // Of an empty file a new tape would be made.
    write: () => Promise.reject(new NbError('store-corrupt', `${path} is no tape`, { details: { path } })),
    truncate: async () => undefined,
    sync: async () => undefined,
    close: () => file.close(),
  }
}
