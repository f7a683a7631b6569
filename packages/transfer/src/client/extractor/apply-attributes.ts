import type { ArchiveMember } from '@nb/formats'
import {
  ACCESS_ACL_ATTRIBUTE,
  AclFormatError,
  DEFAULT_ACL_ATTRIBUTE,
  encodeAcl,
  parseAclText,
  type AclNames,
} from '../../posix/acl.ts'
import { descriptorPath, type Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'

/** The attributes that a member carries and a restore sets. */
export type RestorableAttributes = Pick<
  ArchiveMember,
  'mtime' | 'atime' | 'mode' | 'uid' | 'gid' | 'mtimeNs' | 'atimeNs' | 'xattrs' | 'aclAccess' | 'aclDefault'
>

/** What could not be set: the attribute in a word, and why. */
export type AttributeRefusal = (
  attribute: 'owner' | 'mode' | 'times' | 'ACL' | `attribute ${string}`,
  code: string,
) => void

/** An owner. */
export interface GivenOwner {
  readonly uid: number
  readonly gid: number
}

/**
 * Where attributes are set: always at what is open, since another entry may have come to its name meanwhile. `fd`: open for reading
 * or writing. `pathFd`: opened with `O_PATH`.
 */
export type AttributePlace =
  | { readonly fd: number }
  | {
      readonly pathFd: number
      /** @default false */
      readonly isSymlink?: boolean
      /** Whether it is a directory that a restore has made: it can be named from within, for less. @default false */
      readonly isOwnDirectory?: boolean
    }

/**
 * Sets all attributes, in the order that leaves none undone by the next: owner (clears set-id bits and
 * capabilities), extended attributes, ACLs, times, mode, which ends the mark of what is unfinished. What fails is told and the
 * rest goes on; where the owner could not be given, set-id bits are not set either, since they would act for someone else.
 *
 * @param inheritsAcl - whether the entry got an ACL from its directory, to be removed where the member has none
 * @param given - the owner that it is known to have
 */
export function applyAttributes(
  posix: Posix,
  place: AttributePlace,
  attributes: RestorableAttributes,
  inheritsAcl: boolean,
  refused: AttributeRefusal,
  given?: GivenOwner,
): void {
  const attempt = (attribute: Parameters<AttributeRefusal>[0], action: () => void): boolean => {
    try {
      action()
      return true
    } catch (error) {
      const code = errnoCodeOf(error) ?? (error instanceof AclFormatError ? error.code : undefined)
      if (code === undefined) throw error
      refused(attribute, code)
      return false
    }
  }
  const { uid, gid, mode, mtimeNs, atimeNs = mtimeNs } = attributes
  const isOwned =
    (given?.uid === uid && given.gid === gid) || attempt('owner', () => setOwner(posix, place, uid, gid))
  for (const { name, value } of attributes.xattrs ?? []) {
    attempt(`attribute ${name.toString('latin1')}`, () => setAttribute(posix, place, name, value))
  }
  // Links have neither ACLs nor a mode.
  const isSymlink = 'pathFd' in place && place.isSymlink === true
  if (!isSymlink) setAcls(posix, place, attributes, inheritsAcl, attempt)
  attempt('times', () => setTimes(posix, place, atimeNs, mtimeNs))
  if (!isSymlink) attempt('mode', () => setMode(posix, place, isOwned ? mode : mode & ~SET_ID))
}

/**
 * The same for a new file of which nothing but times and mode is to be set, in two calls.
 *
 * @returns false: nothing was set, since there is more to be done or a call fails
 */
export function applyTimesAndMode(
  posix: Posix,
  fd: number,
  attributes: RestorableAttributes,
  given: GivenOwner | undefined,
): boolean {
  const { mode, mtime, atime } = attributes
  if (mtime === undefined || !hasTimesAndModeOnly(attributes, given)) return false
  try {
    posix.setInstantsFd(fd, atime ?? mtime, mtime)
    posix.chmodFd(fd, mode)
    return true
  } catch (error) {
    // Setting all of them again tells which can't be.
    if (errnoCodeOf(error) === undefined) throw error
    return false
  }
}

/** Whether of a new file nothing but times and mode is to be set. */
export function hasTimesAndModeOnly(
  { uid, gid, xattrs, aclAccess, aclDefault }: RestorableAttributes,
  given: GivenOwner | undefined,
): boolean {
  if (given?.uid !== uid || given.gid !== gid) return false
  return xattrs === undefined && aclAccess === undefined && aclDefault === undefined
}

const SET_ID = 0o6000
const EMPTY = Buffer.alloc(0)
const SELF = Buffer.from('.')
const ACCESS = Buffer.from(ACCESS_ACL_ATTRIBUTE)
const DEFAULT = Buffer.from(DEFAULT_ACL_ATTRIBUTE)

// Names in ACLs that other tools wrote are not looked up: numbers are what a restore goes by.
const noNames: AclNames = { user: () => undefined, group: () => undefined }

function setAcls(
  posix: Posix,
  place: AttributePlace,
  { aclAccess, aclDefault }: RestorableAttributes,
  inheritsAcl: boolean,
  attempt: (attribute: 'ACL', action: () => void) => boolean,
): void {
  if (aclAccess !== undefined) {
    attempt('ACL', () => setAttribute(posix, place, ACCESS, encodeAcl(parseAclText(aclAccess, noNames))))
  } else if (inheritsAcl) attempt('ACL', () => removeAttribute(posix, place, ACCESS))
  if (aclDefault !== undefined) {
    attempt('ACL', () => setAttribute(posix, place, DEFAULT, encodeAcl(parseAclText(aclDefault, noNames))))
  } else if (inheritsAcl && 'pathFd' in place) attempt('ACL', () => removeAttribute(posix, place, DEFAULT))
}

function setOwner(posix: Posix, place: AttributePlace, uid: number, gid: number): void {
  posix.chown('fd' in place ? place.fd : place.pathFd, EMPTY, uid, gid)
}

function setAttribute(posix: Posix, place: AttributePlace, name: Buffer, value: Buffer): void {
  if ('fd' in place) posix.setAttributeFd(place.fd, name, value)
  // Follows to what is open, and no further where that is a link.
  else posix.setAttributeAt(descriptorPath(place.pathFd), name, value, { follow: true })
}

function removeAttribute(posix: Posix, place: AttributePlace, name: Buffer): void {
  try {
    if ('fd' in place) posix.removeAttributeFd(place.fd, name)
    else posix.removeAttributeAt(descriptorPath(place.pathFd), name)
  } catch (error) {
    // A file system without ACLs has none to remove.
    if (errnoCodeOf(error) !== 'ENOTSUP') throw error
  }
}

function setMode(posix: Posix, place: AttributePlace, mode: number): void {
  if ('fd' in place) posix.chmodFd(place.fd, mode)
  else if (isFromWithin(place, () => posix.chmodAt(place.pathFd, SELF, mode))) return
  else posix.chmodPath(descriptorPath(place.pathFd), mode)
}

/** Does it where the entry is a directory that may be named from within. */
function isFromWithin(place: AttributePlace, action: () => void): boolean {
  if (!('isOwnDirectory' in place) || place.isOwnDirectory !== true) return false
  try {
    action()
    return true
  } catch (error) {
    // It has got another owner, and this process may set attributes of any, but not enter what is closed to it.
    if (errnoCodeOf(error) !== 'EACCES') throw error
    return false
  }
}

function setTimes(posix: Posix, place: AttributePlace, atimeNs: bigint, mtimeNs: bigint): void {
  if ('fd' in place) posix.setTimesFd(place.fd, atimeNs, mtimeNs)
  else if (isFromWithin(place, () => posix.setTimes(place.pathFd, SELF, atimeNs, mtimeNs))) return
  else posix.setTimesPath(descriptorPath(place.pathFd), atimeNs, mtimeNs)
}
