import { systemFiles } from '@nb/contracts'
import { openTapeKeyFile } from '@nb/media-tape'

/** Rejects with `store-corrupt` where backups to pools ENCR_… would; tells where there are no keys yet. */
export async function checkTapeKeys(keyFile: string, warn: (text: string) => void): Promise<void> {
  const labels = await openTapeKeyFile({ files: systemFiles() }, { path: keyFile }).labels()
  if (labels.length === 0)
    warn(
      `there are no keys in ${keyFile}: backups to pools ENCR_… are refused until --tape-new-key has added one`,
    )
}

/** Adds a key to a file of tape keys, and tells a person what that means, a line each. */
export async function addTapeKey(
  { keyFile, label }: { readonly keyFile: string; readonly label: string },
  tell: (text: string) => void,
): Promise<void> {
  await openTapeKeyFile({ files: systemFiles() }, { path: keyFile }).add({ label })
  tell(`nb: volumes that are labelled from now on for pools ENCR_… are encrypted with the key ${label}`)
  tell(`keep a copy of ${keyFile} outside of this machine: without it nothing on those tapes can be read`)
}
