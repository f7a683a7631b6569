import {
  type CallOptions,
  displayPath,
  type FileEntry,
  type FileKind,
  type Path,
  toPath,
} from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { chooseClient } from '../choose-client.ts'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'
import { formatBytes, formatNanoseconds } from '../units.ts'

/** Options of `nb list`. */
export interface ListOptions extends CallOptions {
  /** @default '/' */
  readonly path?: Path
  /** @default the only client there is, or this host */
  readonly client?: string
  /** As it was then, milliseconds since the epoch. @default now */
  readonly at?: number
  readonly image?: string
  readonly policy?: string
  /** All below, not only what is directly in it. @default false */
  readonly recursive?: boolean
  /** The states of this one path over all backups. @default false */
  readonly versions?: boolean
}

/** `nb list [PATH]`: what was backed up, as `ls -l` shows it. Rejects with `no-image-matches`, `path-not-backed-up`. */
export async function listCommand(
  { catalog }: Pick<Ports, 'catalog'>,
  options: ListOptions,
  output: Output,
): Promise<ExitCode> {
  const call = options.signal === undefined ? {} : { signal: options.signal }
  const client = await chooseClient(catalog, options.client, call)
  const path = options.path ?? toPath('/')
  const policy = options.policy === undefined ? {} : { policy: options.policy }
  if (options.versions === true) return listVersions({ catalog }, { client, path, ...policy }, call, output)
  const query = {
    client,
    path,
    ...policy,
    ...(options.at === undefined ? {} : { at: options.at }),
    ...(options.image === undefined ? {} : { backupId: options.image }),
    ...(options.recursive === true ? { recursive: true } : {}),
  }
  // Printed as it comes: a tree may have millions of entries.
  for await (const entry of catalog.browse(query, call))
    await (output.json ? output.value(entry) : output.line(entryLine(entry)))
  return 0
}

async function listVersions(
  { catalog }: Pick<Ports, 'catalog'>,
  query: { readonly client: string; readonly path: Path; readonly policy?: string },
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const versions: FileEntry[] = []
  for await (const entry of catalog.versions(query, call)) versions.push(entry)
  if (versions.length === 0 && !output.json)
    output.note(`${displayPath(query.path)} is in no backup of ${query.client}`)
  else
    await output.table(versions, [
      { title: 'IMAGE', value: (entry) => entry.backupId, shrinks: true },
      { title: 'MODE', value: (entry) => modeOf(entry) },
      { title: 'SIZE', value: (entry) => sizeOf(entry), align: 'right' },
      { title: 'MODIFIED', value: (entry) => formatNanoseconds(entry.mtimeNs) },
      { title: 'DATA IN', spare: 1, value: (entry) => entry.dataImage, shrinks: true },
      ...(versions.some(({ digest }) => digest !== undefined)
        ? [{ title: 'DIGEST', value: (entry: FileEntry) => entry.digest }]
        : []),
    ])
  return 0
}

function entryLine(entry: FileEntry): string {
  const owner = `${entry.uid}:${entry.gid}`
  const target = entry.linkTarget === undefined ? '' : ` -> ${displayPath(entry.linkTarget)}`
  const columns = [
    modeOf(entry),
    owner.padEnd(11),
    sizeOf(entry).padStart(10),
    formatNanoseconds(entry.mtimeNs),
  ]
  return printable(`${columns.join('  ')}  ${displayPath(entry.path)}${target}`)
}

/** The size as it is shown; of a device its numbers. */
export function sizeOf({ kind, sizeBytes, deviceMajor, deviceMinor }: FileEntry): string {
  if (kind === 'character-device' || kind === 'block-device')
    return `${deviceMajor ?? '?'}, ${deviceMinor ?? '?'}`
  return kind === 'directory' ? '-' : formatBytes(sizeBytes)
}

const kindLetters: Readonly<Record<FileKind, string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  hardlink: 'h',
  fifo: 'p',
  'character-device': 'c',
  'block-device': 'b',
}

/** Kind and permissions as `ls -l` writes them; `h` is a further name of a file. */
export function modeOf({ kind, mode }: FileEntry): string {
  const letters = [...'rwxrwxrwx'].map((letter, at) => ((mode >> (8 - at)) & 1 ? letter : '-'))
  const special = (at: number, bit: number, set: string): void => {
    if (mode & bit) letters[at] = letters[at] === 'x' ? set : set.toUpperCase()
  }
  special(2, 0o4000, 's')
  special(5, 0o2000, 's')
  special(8, 0o1000, 't')
  return kindLetters[kind] + letters.join('')
}
