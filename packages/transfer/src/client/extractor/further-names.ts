import { NbError } from '@nb/contracts'
import type { ArchiveMember } from '@nb/formats'
import { AT, O } from '../../posix/constants.ts'
import { descriptorPath, type Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import { identityKey } from '../identity.ts'
import type { WarningSink } from '../warning.ts'
import { applyAttributes } from './apply-attributes.ts'
import { copyFile } from './copy-file.ts'
import type { LinkLeader } from './extraction-state.ts'
import { NEW_FILE_FLAGS, type Installer } from './installer.ts'
import type { RefusalTally } from './refusal-tally.ts'
import type { OpenDirectory, TargetDirectories } from './target-directories.ts'
import { targetNames } from './target-path.ts'

/** What further names are made with. */
export interface FurtherNamesParts {
  readonly posix: Posix
  readonly target: TargetDirectories
  readonly installer: Installer
  readonly warn: WarningSink
  readonly refusals: RefusalTally
}

/** Where a further name goes. */
interface LinkPlace {
  readonly directory: OpenDirectory
  readonly name: Buffer
}

/** Gives files that were restored their further names. */
export class FurtherNames {
  readonly #parts: FurtherNamesParts

  constructor(parts: FurtherNamesParts) {
    this.#parts = parts
  }

  /**
   * Makes one further name.
   *
   * @param path - target path of the name
   * @param member - what the file was restored from
   * @param placeOf - checks and opens its place; what it refuses it tells
   * @returns `linked`, also where it is that file already; `there` when something is there that stays
   */
  link(
    path: Buffer,
    leader: LinkLeader,
    member: ArchiveMember,
    placeOf: () => LinkPlace | 'root' | undefined,
  ): 'linked' | 'there' | 'refused' {
    const { posix, installer } = this.#parts
    const leaderFd = this.#openLeader(leader)
    try {
      const place = placeOf()
      if (place === undefined || place === 'root') return 'refused'
      const directory = place.directory.fd
      const found = posix.find(directory, place.name)
      if (found !== undefined && identityKey(found) === leader.identity) return 'linked'
      if (installer.mustSkip(directory, place.name)) return 'there'
      let temporary: Buffer
      try {
        temporary = installer.makeTemporary(path, (name) =>
          posix.linkDescriptor(leaderFd, directory, name),
        ).name
      } catch (error) {
        temporary = this.#copyInstead(path, directory, leaderFd, member, error)
      }
      return installer.install(directory, temporary, place.name, path) ? 'linked' : 'there'
    } finally {
      posix.close(leaderFd)
    }
  }

  #openLeader(leader: LinkLeader): number {
    const { posix, target } = this.#parts
    const names = targetNames(Buffer.from(leader.path))
    const name = typeof names === 'string' ? undefined : names.at(-1)
    if (typeof names === 'string' || name === undefined)
      throw new NbError('internal', 'a leader without a name')
    const fd = posix.open(target.open(names.slice(0, -1), { make: false }), name, O.PATH | O.NOFOLLOW)
    if (identityKey(posix.statFd(fd)) === leader.identity) return fd
    posix.close(fd)
    throw new NbError('target-unsafe', 'the file it is a further name of was replaced since it was restored')
  }

  /** Where a link cannot be made the data is copied, so that nothing is missing. */
  #copyInstead(
    path: Buffer,
    directory: number,
    leaderFd: number,
    member: ArchiveMember,
    error: unknown,
  ): Buffer {
    const { posix, installer, warn, refusals } = this.#parts
    const code = errnoCodeOf(error)
    if (code === undefined || member.kind !== 'file') throw error
    const text = `it could not be linked to the file it is a further name of (${code}): it is a copy`
    warn({ severity: 'warning', path: Buffer.from(path), code, text })
    const { name, made: fd } = installer.makeTemporary(path, (n) =>
      posix.open(directory, n, NEW_FILE_FLAGS, 0o600),
    )
    const from = posix.open(AT.FDCWD, descriptorPath(leaderFd), O.RDONLY)
    try {
      copyFile(posix, from, fd)
      applyAttributes(posix, { fd }, member, true, refusals.forPath(path))
    } catch (failure) {
      installer.discard(directory, name)
      throw failure
    } finally {
      posix.close(from)
      posix.close(fd)
    }
    return name
  }
}
