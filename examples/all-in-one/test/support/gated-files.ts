import { type Files, type OpenFile, systemFiles } from '@nb/contracts'

/** Files whose fragments are written only up to a gate: a backup stands still there, in the middle of its data. */
export interface GatedFiles {
  readonly files: Files
  /** Makes the next fragment stand still; resolves when one does. */
  close(): Promise<void>
  /** Lets everything through from now on. */
  open(): void
}

/**
 * Makes files with a gate that is open. The header of a fragment always passes: it is written when the fragment is begun, before
 * anything of it was read. So do the first `passFragments`, which the reader is to have read.
 */
export function gatedFiles(passFragments = 0): GatedFiles {
  const files = systemFiles()
  let fragments = 0
  let opened: Promise<void> | undefined
  let open: () => void = () => undefined
  let reach: () => void = () => undefined
  const gated = (file: OpenFile): OpenFile => ({
    write: async (data, position) => {
      if (position !== 0) {
        if (opened !== undefined) reach()
        await opened
      }
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
        if (!path.endsWith('.nbf.tmp')) return file
        fragments += 1
        return fragments > passFragments ? gated(file) : file
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
