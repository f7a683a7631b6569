import { parseBackupId } from './backup-id.ts'

/** Where the parts of an image lie. */
export interface ImagePaths {
  /** The client's folder. */
  readonly client: string
  /** The image's folder. */
  readonly folder: string
  /** The image record; the image exists when this is there. */
  readonly header: string
  /** The file list, `nb-files/1`. */
  readonly fileList: string
  /** The sparse index of the list, made at completion; can be made again from the list. */
  readonly index: string
}

/** Names inside an image's folder; nothing else is ever made there. */
export const imageFileNames = ['files.idx', 'files.idx.tmp', 'files.nbf', 'header.json.tmp'] as const
/** Names of the damaged parts of an image that is made again from its medium. */
export const asideNames = { header: 'header.json.damaged', fileList: 'files.nbf.damaged' } as const
/** Where a client's last id is kept once the image that had it is gone. */
export const sequenceFileName = 'sequence.json'

/**
 * A name as one component of a path that any file system takes: letters, digits, `-`, `_` and inner `.` stay,
 * every other byte becomes `%HH`. One to one.
 */
export function encodeName(name: string): string {
  let text = ''
  for (const byte of Buffer.from(name, 'utf8')) {
    const char = String.fromCharCode(byte)
    const plain = /[A-Za-z0-9_-]/.test(char) || (char === '.' && text !== '')
    text += plain ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}

/** The name of a path component made by {@link encodeName}, or `undefined` for any other. */
export function decodeName(component: string): string | undefined {
  const bytes: number[] = []
  for (let at = 0; at < component.length; at++) {
    const hex = component[at] === '%' ? component.slice(at + 1, at + 3) : undefined
    bytes.push(hex === undefined ? component.charCodeAt(at) : Number.parseInt(hex, 16))
    if (hex !== undefined) at += 2
  }
  const name = Buffer.from(bytes).toString('utf8')
  return name !== '' && encodeName(name) === component ? name : undefined
}

/** The folder of a client's images. */
export function clientFolder(directory: string, client: string): string {
  return `${directory}/${encodeName(client)}`
}

/** Where an image lies, or `undefined` when the id is none. */
export function imagePaths(directory: string, backupId: string): ImagePaths | undefined {
  const parts = parseBackupId(backupId)
  if (parts === undefined) return undefined
  const client = clientFolder(directory, parts.client)
  const folder = `${client}/${encodeName(backupId)}`
  return {
    client,
    folder,
    header: `${folder}/header.json`,
    fileList: `${folder}/files.nbf`,
    index: `${folder}/files.idx`,
  }
}
