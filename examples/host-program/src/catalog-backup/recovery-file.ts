import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Files, type ImageRecord, NbError, replaceFile } from '@nb/contracts'

const format = 'nb-recovery/1'
const namePattern = /^recovery-.*\.(json|txt)$/
/** Recovery files that are kept, each with its text. */
const keptFiles = 10
/** Most bytes of a recovery file that is read: some hundred thousand fragments. */
const mostBytes = 16 * 1024 * 1024

/** What is needed to bring a server back from one backup of its catalog. */
export interface Recovery {
  /** When, ISO 8601. */
  readonly writtenAt: string
  readonly server: string
  /** The catalog backup. */
  readonly backupId: string
  readonly client: string
  /** The images that hold its data: itself, and for an incremental those that it refers to; the oldest first. */
  readonly images: readonly string[]
  /** The folder that was backed up: its snapshot. */
  readonly snapshot: string
  /** A disk storage unit that holds them all. */
  readonly storageUnit: string
  /** Its folder; absent where it is on a media server of its own. */
  readonly unitFolder?: string
  /** The media server that it belongs to, where that is another host. */
  readonly mediaServer?: string
  /** The fragments of the catalog backup, in order, with their length of archive stream. */
  readonly fragments: readonly { readonly file: string; readonly streamBytes: number }[]
  /** All policies there were. */
  readonly policies: readonly string[]
}

/** What is known of a catalog backup, without what stands in its record. */
export interface RecoveryFacts {
  readonly now: number
  readonly snapshot: string
  readonly units: UnitPlaces
  readonly policies: readonly string[]
}

/** Where a disk storage unit is: its folder on this host, or the media server that has it. */
export type UnitPlace = Pick<Recovery, 'unitFolder' | 'mediaServer'>

/** Where the disk storage unit of a name is; `undefined` for one that is none, or not known. */
export type UnitPlaces = (storageUnit: string) => Promise<UnitPlace | undefined>

/** How a person has the program recover, and start. */
export interface RecoveryCommands {
  /** Such as `npm start -- --recover`; the file follows. */
  readonly recover: string
  /** What starts it on the state STATE, with its storage unit in `folder`. */
  readonly start: (folder: string) => string
  /** What is more to do, before it is started. @default nothing */
  readonly before?: string
}

/** Says how to recover from an image, or `undefined` where none of its copies is on a disk storage unit that is known. */
export async function recoveryOf(image: ImageRecord, facts: RecoveryFacts): Promise<Recovery | undefined> {
  for (const { copy, storageUnit, fragments } of image.copies) {
    const place = await facts.units(storageUnit)
    if (place === undefined) continue
    return {
      writtenAt: new Date(facts.now).toISOString(),
      server: image.client,
      backupId: image.backupId,
      client: image.client,
      images: [...image.neededImages.filter((id) => id !== image.backupId), image.backupId],
      snapshot: facts.snapshot,
      storageUnit,
      ...place,
      fragments: fragments.map(({ number, streamBytes }) => ({
        file: join(image.client, image.backupId, `${copy}-${String(number).padStart(6, '0')}.nbf`),
        streamBytes,
      })),
      policies: facts.policies,
    }
  }
  return undefined
}

/** Writes a recovery file, and beside it how to use it; the oldest beyond ten are removed. Gives its path. */
export async function writeRecoveryFile(
  files: Files,
  directory: string,
  recovery: Recovery,
  commands: RecoveryCommands,
): Promise<string> {
  const name = `recovery-${recovery.writtenAt.replace(/[:.]/g, '-')}`
  const path = join(directory, `${name}.json`)
  await files.makeDirectory(directory)
  await replaceFile(
    files,
    join(directory, `${name}.txt`),
    Buffer.from(instructions(recovery, path, commands)),
  )
  const content = { format, recovery, sha256: sumOf(recovery) }
  await replaceFile(files, path, Buffer.from(`${JSON.stringify(content, null, 2)}\n`))
  const there = (await files.list(directory)).filter((each) => namePattern.test(each)).sort()
  for (const old of there.slice(0, Math.max(0, there.length - keptFiles * 2)))
    await files.remove(join(directory, old))
  return path
}

/** Reads a recovery file. Throws `argument-invalid`, `version-unsupported`, `store-corrupt`. */
export function readRecoveryFile(path: string): Recovery {
  let content: { readonly format?: unknown; readonly recovery?: Recovery; readonly sha256?: unknown }
  try {
    const stat = statSync(path)
    if (!stat.isFile()) throw new Error('it is no regular file')
    if (stat.size > mostBytes)
      throw new Error(`it has ${stat.size} bytes, a recovery file at most ${mostBytes}`)
    content = JSON.parse(readFileSync(path, 'utf8')) as typeof content
  } catch (cause) {
    throw new NbError(
      'argument-invalid',
      `--recover ${path} can't be read: ${(cause as Error).message}; it is a recovery-TIME.json of the folder --catalog-backup`,
      {
        cause,
        details: { field: 'recover' },
      },
    )
  }
  const { recovery } = content
  if (content.format !== format && String(content.format).startsWith('nb-recovery/'))
    throw new NbError(
      'version-unsupported',
      `${path} is ${String(content.format)}, this version reads ${format}; recover with the version of nb that wrote it, or a newer one`,
      {
        details: { path },
      },
    )
  if (content.format !== format || recovery === undefined || content.sha256 !== sumOf(recovery))
    throw new NbError(
      'store-corrupt',
      `the recovery file ${path} is damaged; take another of ${dirname(path)}`,
      {
        details: { path },
      },
    )
  return recovery
}

/** Over the compact JSON, so that a person may lay it out anew. */
function sumOf(recovery: Recovery): string {
  return createHash('sha256').update(JSON.stringify(recovery)).digest('hex')
}

function instructions(recovery: Recovery, path: string, commands: RecoveryCommands): string {
  const { backupId, writtenAt, server, storageUnit, mediaServer, fragments, policies, images } = recovery
  const { unitFolder = 'UNIT-FOLDER' } = recovery
  const from = recovery.unitFolder === undefined ? ` --recover-from ${unitFolder}` : ''
  return `How to bring the server ${server} back as it was at ${writtenAt}

The catalog backup is image ${backupId} on storage unit ${storageUnit}${mediaServer === undefined ? '' : ` of media server ${mediaServer}, whose folder is called UNIT-FOLDER here`}, in
${fragments.map(({ file }) => `  ${join(unitFolder, file)}`).join('\n')}
${images.length > 1 ? `It is an incremental, and needs images ${images.slice(0, -1).join(', ')} of the same unit.\n` : ''}
1. Install nb, and have the folder ${unitFolder} there again (from the disk itself, or a copy of it)${mediaServer === undefined ? '' : '; over a network file system will do'}.
2. Bring everything back into a state folder that is empty or not there yet:
     ${commands.recover} ${path}${from} --state STATE
   Where the folder of the storage unit is another by now, say --recover-from DIR too.
3. ${commands.before === undefined ? '' : `${commands.before}\n   `}Start the server on it, with the options it had:
     ${commands.start(unitFolder)}
   Other disk storage units whose disk is gone are told at the start; it says what to do.
4. Look: nb images, nb policies. nb copies --limit 0 tells on which storage units each image is. A restore reads the primary copy: where
   the storage unit of the primary copies is gone, make those that are here the primary ones, of all images at once:
     nb copies --promote-on ${storageUnit}
5. Where a storage unit is lost for good: start once with --new-disk UNIT. Images with their only copy there are given up, and the next
   backup of their policies stores everything anew; run them soon.

Without nb, with tar alone, for a backup that is not compressed and no incremental:
     cat ${join(unitFolder, fragments[0]?.file ?? '')}${fragments.length > 1 ? ' (and the others, in order)' : ''} | tar -xf - -C DIR --ignore-zeros
   gives the headers and file lists of all images and a copy of the database, a line of JSON for each entry.

Policies at that time: ${policies.join(', ') || 'none'}
`
}
