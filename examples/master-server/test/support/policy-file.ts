import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a policy saves, and where to. */
export interface PolicyText {
  readonly name: string
  readonly clients: readonly string[]
  /** One directory. */
  readonly selection: string
  readonly storageUnit: string
}

/** Writes a policy of full backups that runs by hand alone; gives the file, for `nb policy import`. */
export function policyFile(directory: string, { name, clients, selection, storageUnit }: PolicyText): string {
  const file = join(directory, `${name}.yaml`)
  writeFileSync(
    file,
    `name: ${name}\nclients: [${clients.join(', ')}]\nselections: [${selection}]\nstorage: { unit: ${storageUnit} }\nschedules:\n` +
      `  - { name: full, type: full, every: 1d, retention: 2 weeks, windows: [] }\n`,
  )
  return file
}
