import type { TapeDrive } from '@nb/contracts'

/** A drive for somebody who reads: each motion is checked first, and nothing is written, loaded or unloaded. */
export function guardedDrive(drive: TapeDrive, check: () => void): TapeDrive {
  const refused = (): Promise<never> => Promise.reject(new TypeError(`drive ${drive.name} is used to read`))
  const checked = async <Result>(command: () => Promise<Result>): Promise<Result> => {
    check()
    return command()
  }
  return {
    name: drive.name,
    encryption: drive.encryption,
    status: (options) => drive.status(options),
    position: (options) => drive.position(options),
    load: refused,
    unload: refused,
    writeBlock: refused,
    writeFilemarks: refused,
    rewind: (options) => checked(() => drive.rewind(options)),
    locate: (input, options) => checked(() => drive.locate(input, options)),
    space: (input, options) => checked(() => drive.space(input, options)),
    readBlock: (input, options) => checked(() => drive.readBlock(input, options)),
  }
}
