import { crc32 } from 'node:zlib'
import type { ImageRecord } from '@nb/contracts'
import { parseBackupId } from './backup-id.ts'
import { encodeName } from './image-folder.ts'
import { isByUser } from './tree-claims.ts'

/**
 * The keys under which an image is found. Each ends in the image's id, and each family sorts as it is read:
 *
 * - `all/TIME`, `client/CLIENT/TIME`, `policy/POLICY/TIME`: by backup time, equal times by the second of the id;
 * - `tree/CLIENT/POLICY/TIME`: a policy's own backups of a client; `user/CLIENT/TIME`: those that users asked for; likewise;
 * - `stream/CLIENT/POLICY/STREAM/TIME`: those of one stream of a policy, likewise;
 * - `due/EXPIRES`: complete images that end one day, by that day;
 * - `need/NEEDED`: who must be kept readable by another image: a complete image's `neededImages`, and the reference
 *   of an image in progress.
 */
export function indexKeys(image: ImageRecord): string[] {
  const id = encodeName(image.backupId)
  const seconds = parseBackupId(image.backupId)?.seconds ?? 0
  const when = `${timeKey(image.backupTime)}/${String(seconds).padStart(12, '0')}/${id}`
  const keys = [
    `all/${when}`,
    `client/${encodeName(image.client)}/${when}`,
    `policy/${encodeName(image.policy)}/${when}`,
  ]
  if (isByUser(image)) keys.push(`${usersPrefix(image.client)}${when}`)
  else keys.push(`${treesPrefix(image.client)}${encodeName(image.policy)}/${when}`)
  if (image.stream !== undefined) keys.push(`${streamPrefix(image, image.stream)}${when}`)
  const due = dueAt(image)
  if (image.state === 'complete' && due !== undefined) keys.push(`due/${timeKey(due)}/${id}`)
  for (const needed of new Set(imagesHeldBy(image))) keys.push(`need/${encodeName(needed)}/${id}`)
  return keys
}

/** When the time of an image, or of the first of its copies, has come. */
function dueAt({ expiresAt, copies }: ImageRecord): number | undefined {
  const times = [expiresAt, ...copies.map((copy) => copy.expiresAt)].filter((time) => time !== undefined)
  return times.length === 0 ? undefined : Math.min(...times)
}

/** What the keys of all trees of a client begin with; the name of a policy, encoded, follows. */
export function treesPrefix(client: string): string {
  return `tree/${encodeName(client)}/`
}

/** What the keys of a client's backups that users asked for begin with. */
export function usersPrefix(client: string): string {
  return `user/${encodeName(client)}/`
}

/** What the keys of a stream of a policy begin with. */
export function streamPrefix(
  { client, policy }: Pick<ImageRecord, 'client' | 'policy'>,
  stream: string,
): string {
  // A stream may be named after a path, which need not be Unicode: as JSON each name stays another.
  return `stream/${encodeName(client)}/${encodeName(policy)}/${encodeName(JSON.stringify(stream))}/`
}

/** The images that must not end before this one. */
export function imagesHeldBy(image: ImageRecord): readonly string[] {
  if (image.state === 'complete') return image.neededImages
  return image.state === 'in-progress' && image.referenceId !== undefined ? [image.referenceId] : []
}

/** A time as it sorts in a key. */
export function timeKey(time: number): string {
  return String(Math.max(0, Math.floor(time))).padStart(16, '0')
}

/** A sum over keys with their values in which the order does not count; where it differs, so do the keys. */
export class KeySum {
  #sum = 0
  #count = 0

  add(key: string, value: string): void {
    this.#sum = (this.#sum + crc32(`${key}=${value}`)) % 2 ** 48
    this.#count += 1
  }

  equals(other: KeySum): boolean {
    return this.#sum === other.#sum && this.#count === other.#count
  }
}
