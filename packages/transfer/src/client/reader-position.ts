import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { NbError, type ImageCounts } from '@nb/contracts'
import type { OpenLinkGroup } from './link-groups.ts'
import type { ReaderCounts } from './reader.ts'
import type { WalkPosition } from './walk-position.ts'

/** Longest position that is given out, characters. */
export const MAX_POSITION_CHARS: number = 4 * 1024 * 1024

/** Where a reader stands: what its checkpoint does not tell anyone else. */
export interface ReaderPosition {
  readonly walk: WalkPosition
  readonly counts: Pick<ReaderCounts, 'files' | 'directories' | 'readBytes'>
  readonly links: readonly OpenLinkGroup[]
}

/** The status of a backup that cannot go on from its checkpoint. */
const NO_RESUME = 163

const FORMAT = 'nb-position/1:'

/**
 * A position as text: JSON, deflated, in base64. Paths keep their bytes as Latin-1 characters. Mostly some hundred
 * characters; each file of which more names may come adds about 60.
 */
export function encodePosition({ walk, counts, links }: ReaderPosition): string {
  const { root, directory, summary } = walk
  const plain = {
    walk: {
      root: root.toString('latin1'),
      ...summary,
      ...(directory === undefined
        ? {}
        : {
            directory: directory.path.toString('latin1'),
            unvisited: directory.unvisited,
            ...(directory.after === undefined ? {} : { after: directory.after.toString('latin1') }),
          }),
    },
    counts: { files: counts.files, directories: counts.directories, readBytes: counts.readBytes },
    links: links.map(plainLink),
  }
  return FORMAT + deflateRawSync(JSON.stringify(plain)).toString('base64')
}

/** Reads a position. Throws `version-unsupported`, `argument-invalid`. */
export function decodePosition(text: string): ReaderPosition {
  if (!text.startsWith(FORMAT))
    throw new NbError(
      'version-unsupported',
      'The backup was broken off by another version of the client agent; it can only begin anew.',
      { status: NO_RESUME },
    )
  try {
    const inflated = inflateRawSync(Buffer.from(text.slice(FORMAT.length), 'base64'), {
      maxOutputLength: 64 * MAX_POSITION_CHARS,
    })
    return parse(JSON.parse(inflated.toString()) as Plain)
  } catch (error) {
    throw new NbError(
      'argument-invalid',
      'The position of the checkpoint is damaged; begin the backup anew.',
      {
        status: NO_RESUME,
        cause: error,
      },
    )
  }
}

/** What a reader has counted, from what the checkpoint and its position say. */
export function countsAt(
  counts: ImageCounts,
  { files, directories, readBytes }: ReaderPosition['counts'],
): ReaderCounts {
  const { entries, storedEntries, bytes } = counts
  return { files, directories, entries, storedEntries, bytes, readBytes }
}

type PlainLink = readonly [
  key: string,
  namesLeft: number,
  firstPath: string,
  mtimeNs: string,
  size: number,
  stored?: readonly [
    memberPath: string,
    memberOffset: number,
    memberBytes: number,
    sizeBytes: number,
    mtimeNs: string,
    ctimeNs: string,
    flags: number,
    digest?: string,
  ],
]

interface Plain {
  readonly walk: {
    readonly root: string
    readonly found: number
    readonly readable: number
    readonly directory?: string
    readonly unvisited?: number
    readonly after?: string
  }
  readonly counts: ReaderPosition['counts']
  readonly links: readonly PlainLink[]
}

function plainLink({ key, namesLeft, firstPath, mtimeNs, size, stored }: OpenLinkGroup): PlainLink {
  const own = [key, namesLeft, firstPath.toString('latin1'), String(mtimeNs), size] as const
  if (stored === undefined) return own
  const { memberPath, memberOffset, memberBytes, sizeBytes, flags, digest } = stored
  const times = [String(stored.mtimeNs), String(stored.ctimeNs)] as const
  const place = [
    memberPath.toString('latin1'),
    memberOffset,
    memberBytes,
    sizeBytes,
    ...times,
    flags,
  ] as const
  return [...own, digest === undefined ? place : [...place, digest.toString('hex')]]
}

function parse({ walk, counts, links }: Plain): ReaderPosition {
  const { root, found, readable, directory, unvisited = 0, after } = walk
  return {
    walk: {
      root: bytes(root),
      summary: { found: count(found), readable: count(readable) },
      directory:
        directory === undefined
          ? undefined
          : {
              path: bytes(directory),
              after: after === undefined ? undefined : bytes(after),
              unvisited: count(unvisited),
            },
    },
    counts: {
      files: count(counts.files),
      directories: count(counts.directories),
      readBytes: count(counts.readBytes),
    },
    links: links.map(parseLink),
  }
}

function parseLink([key, namesLeft, firstPath, mtimeNs, size, stored]: PlainLink): OpenLinkGroup {
  const own = {
    key: String(key),
    namesLeft: count(namesLeft),
    firstPath: bytes(firstPath),
    mtimeNs: BigInt(mtimeNs),
    size: count(size),
  }
  if (stored === undefined) return own
  const [memberPath, memberOffset, memberBytes, sizeBytes, storedMtimeNs, ctimeNs, flags, digest] = stored
  return {
    ...own,
    stored: {
      memberPath: bytes(memberPath),
      memberOffset: count(memberOffset),
      memberBytes: count(memberBytes),
      sizeBytes: count(sizeBytes),
      mtimeNs: BigInt(storedMtimeNs),
      ctimeNs: BigInt(ctimeNs),
      flags: count(flags),
      digest: digest === undefined ? undefined : digestFrom(digest),
    },
  }
}

function bytes(text: unknown): Buffer {
  if (typeof text !== 'string') throw new TypeError('a path is missing')
  return Buffer.from(text, 'latin1')
}

function digestFrom(text: unknown): Buffer {
  if (typeof text !== 'string' || !/^([0-9a-f]{2}){1,255}$/.test(text)) throw new TypeError('no digest')
  return Buffer.from(text, 'hex')
}

function count(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw new TypeError(`${String(value)} is no count`)
}
