import type { TapeDrive } from '@nb/contracts'

/** What a drive was asked for, in blocks. */
export interface Motions {
  /** Blocks that were read. */
  reads: number
  locates: number
  spaces: number
  /** Objects that the tape went over, forward and backward, read or not. */
  travelled: number
}

/** A drive whose motions are counted. */
export function countedDrive(drive: TapeDrive): { readonly drive: TapeDrive; readonly motions: Motions } {
  const motions: Motions = { reads: 0, locates: 0, spaces: 0, travelled: 0 }
  let at = 0
  const stands = <
    Result extends { readonly object: number } | { readonly position: { readonly object: number } },
  >(
    result: Result,
  ): Result => {
    const { object } = 'position' in result ? result.position : result
    motions.travelled += Math.abs(object - at)
    at = object
    return result
  }
  const counted: TapeDrive = {
    name: drive.name,
    encryption: drive.encryption,
    status: (options) => drive.status(options),
    load: (options) => drive.load(options),
    unload: (options) => drive.unload(options),
    position: (options) => drive.position(options),
    rewind: async (options) => stands(await drive.rewind(options)),
    locate: async (input, options) => {
      motions.locates += 1
      return stands(await drive.locate(input, options))
    },
    space: async (input, options) => {
      motions.spaces += 1
      return stands(await drive.space(input, options))
    },
    writeBlock: (input, options) => drive.writeBlock(input, options),
    writeFilemarks: (input, options) => drive.writeFilemarks(input, options),
    readBlock: async (input, options) => {
      motions.reads += 1
      return stands(await drive.readBlock(input, options))
    },
  }
  return { drive: counted, motions }
}
