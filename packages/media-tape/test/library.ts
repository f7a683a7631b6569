import type { TapeDrive } from '@nb/contracts'
import { createVirtualClock, type VirtualClock } from '@nb/test-kit'
import { createEmulatedLibrary, type EmulatedLibrary, type EmulatedLibraryOptions } from '../src/index.ts'

export const slot = (number: number) => ({ kind: 'slot', number }) as const
export const mouth = (number: number) => ({ kind: 'drive', number }) as const

/** A library with volume E00001L8 loaded in its first drive. */
export async function loadedDrive(
  options: Partial<EmulatedLibraryOptions> = {},
): Promise<{ library: EmulatedLibrary; drive: TapeDrive; clock: VirtualClock }> {
  const clock = createVirtualClock()
  const library = createEmulatedLibrary({ clock }, { slots: 3, drives: 1, capacityBytes: 1000, ...options })
  await library.start()
  await library.robot.move({ from: slot(1), to: mouth(1) })
  const drive = firstDrive(library)
  await drive.load()
  return { library, drive, clock }
}

export function firstDrive(library: EmulatedLibrary): TapeDrive {
  const [drive] = library.drives
  if (drive === undefined) throw new Error('no drive')
  return drive
}
