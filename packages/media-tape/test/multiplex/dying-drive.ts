import { NbError, type TapeDrive, type WriteResult } from '@nb/contracts'

/** A drive in a process that dies: before a command that writes, and all commands from then on fail. */
export interface DyingDrive extends TapeDrive {
  /** Commands that write, so far. */
  readonly writes: number
  readonly isDead: boolean
}

/** Passes commands on until the `last`th that writes is to begin; then `dies` is called, once. */
export function dyingDrive(drive: TapeDrive, last: number, dies: () => Promise<void>): DyingDrive {
  let writes = 0
  let death: Promise<void> | undefined
  const alive = async <Result>(command: () => Promise<Result>): Promise<Result> => {
    if (death === undefined) return command()
    await death
    throw new NbError('scsi-transport-lost', 'the process is dead')
  }
  const writing = async (command: () => Promise<WriteResult>): Promise<WriteResult> => {
    writes += 1
    if (writes === last) death ??= dies()
    return alive(command)
  }
  return {
    name: drive.name,
    encryption: drive.encryption,
    get writes() {
      return writes
    },
    get isDead() {
      return death !== undefined
    },
    status: (options) => alive(() => drive.status(options)),
    load: (options) => alive(() => drive.load(options)),
    unload: (options) => alive(() => drive.unload(options)),
    rewind: (options) => alive(() => drive.rewind(options)),
    locate: (input, options) => alive(() => drive.locate(input, options)),
    space: (input, options) => alive(() => drive.space(input, options)),
    writeBlock: (input, options) => writing(() => drive.writeBlock(input, options)),
    writeFilemarks: (input, options) => writing(() => drive.writeFilemarks(input, options)),
    readBlock: (input, options) => alive(() => drive.readBlock(input, options)),
    position: (options) => alive(() => drive.position(options)),
  }
}
