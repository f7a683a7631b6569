import { NbError } from '@nb/contracts'
import type { ArchiveMember } from '@nb/formats'
import { O, S_IF } from '../../posix/constants.ts'
import type { Posix } from '../../posix/posix.ts'
import { identityKey } from '../identity.ts'
import { kindOfMode } from '../entry-kind.ts'
import type { AttributePlace } from './apply-attributes.ts'
import type { Installer } from './installer.ts'

/**
 * Makes a symbolic link, FIFO or device node under a temporary name and has its attributes set; where that fails it is gone.
 *
 * @param apply - sets the attributes at a place
 */
export function makeNode(
  { posix, installer }: { readonly posix: Posix; readonly installer: Installer },
  directory: number,
  path: Buffer,
  member: ArchiveMember,
  apply: (place: AttributePlace) => void,
): { readonly name: Buffer; readonly identity: string } {
  const { name } = installer.makeTemporary(path, (n) => make(posix, directory, n, member))
  try {
    // Opened as a mere place: a device's driver never hears of it.
    const pathFd = posix.open(directory, name, O.PATH | O.NOFOLLOW)
    try {
      const stat = posix.statFd(pathFd)
      if (kindOfMode(stat.mode) !== member.kind)
        throw new NbError('target-unsafe', 'a node was replaced while it was made')
      apply({ pathFd, isSymlink: member.kind === 'symlink' })
      return { name, identity: identityKey(stat) }
    } finally {
      posix.close(pathFd)
    }
  } catch (error) {
    installer.discard(directory, name)
    throw error
  }
}

function make(posix: Posix, directory: number, name: Buffer, member: ArchiveMember): void {
  const { kind, linkTarget, deviceMajor = 0, deviceMinor = 0 } = member
  if (kind === 'symlink') posix.symlink(linkTarget ?? Buffer.alloc(0), directory, name)
  else if (kind === 'fifo') posix.makeFifo(directory, name, 0o600)
  else {
    const type = kind === 'character-device' ? S_IF.CHAR : S_IF.BLOCK
    posix.makeNode(directory, name, type | 0o600, deviceMajor, deviceMinor)
  }
}
