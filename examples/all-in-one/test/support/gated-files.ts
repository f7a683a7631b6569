import { type Files, type OpenFile, systemFiles } from '@nb/contracts'

/** Files whose fragments are written only up to a gate: a backup stands still there, in the middle of its data. */
export interface GatedFiles {
  readonly files: Files
  /** Makes the next fragment stand still; resolves when one does. */
  close(): Promise<void>
  /** Lets everything through from now on. */
  open(): void
}

/** Makes files with a gate that is open. */
export function gatedFiles(): GatedFiles {
  const files = systemFiles()
  let opened: Promise<void> | undefined
  let open: () => void = () => undefined
  let reach: () => void = () => undefined
  const gated = (file: OpenFile): OpenFile => ({
    write: async (data, position) => {
      if (opened !== undefined) reach()
      await opened
      return await file.write(data, position)
    },
    read: (target, position) => file.read(target, position),
    sync: () => file.sync(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    size: () => file.size(),
    close: () => file.close(),
  })
  return {
    files: {
      ...files,
      open: async (path, mode) => {
        const file = await files.open(path, mode)
        return path.endsWith('.nbf.tmp') ? gated(file) : file
      },
    },
    close: () => {
      opened = new Promise((resolve) => (open = resolve))
      return new Promise((resolve) => (reach = resolve))
    },
    open: () => {
      opened = undefined
      open()
    },
  }
}
