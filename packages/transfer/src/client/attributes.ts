import type { ExtendedAttribute } from '@nb/formats'
import {
  ACCESS_ACL_ATTRIBUTE,
  AclFormatError,
  decodeAcl,
  DEFAULT_ACL_ATTRIBUTE,
  formatAclText,
} from '../posix/acl.ts'
import { AT } from '../posix/constants.ts'
import { descriptorPath } from '../posix/posix.ts'
import { errnoCodeOf } from '../posix/posix-error.ts'
import type { ReadCalls } from './read-calls.ts'

/** What a file carries beside its mode and owner. */
export interface ExtraAttributes {
  readonly xattrs?: readonly ExtendedAttribute[]
  readonly aclAccess?: string
  readonly aclDefault?: string
}

/** Where attributes are read: at an open file, or at a name in an open directory (a link itself, a device unopened). */
export type AttributePlace = { readonly fd: number } | { readonly directory: number; readonly name: Buffer }

const none: ExtraAttributes = {}

/**
 * Reads extended attributes and ACLs. A file system that has none gives none; an attribute that vanishes between
 * the listing and the reading is left out; one that may not be read is told to `refused`.
 */
export function readAttributes(
  calls: ReadCalls,
  place: AttributePlace,
  refused: (attribute: string, code: string) => void,
): ExtraAttributes {
  const names = listNames(calls, place, refused)
  if (names.length === 0) return none
  const found: { xattrs?: ExtendedAttribute[]; aclAccess?: string; aclDefault?: string } = {}
  for (const name of names) {
    const text = name.toString('latin1')
    let value: Buffer | undefined
    try {
      value = valueAt(calls, place, name)
    } catch (error) {
      const code = errnoCodeOf(error)
      if (code === undefined) throw error
      refused(text, code)
    }
    if (value === undefined) continue
    const acl =
      text === ACCESS_ACL_ATTRIBUTE ? 'aclAccess' : text === DEFAULT_ACL_ATTRIBUTE ? 'aclDefault' : undefined
    if (acl === undefined) (found.xattrs ??= []).push({ name, value })
    else {
      try {
        found[acl] = formatAclText(decodeAcl(value))
      } catch (error) {
        if (!(error instanceof AclFormatError)) throw error
        refused(text, error.code)
      }
    }
  }
  return found
}

function listNames(
  calls: ReadCalls,
  place: AttributePlace,
  refused: (attribute: string, code: string) => void,
): Buffer[] {
  try {
    return 'fd' in place
      ? calls.listAttributesFd(place.fd)
      : calls.listAttributesAt(pathOf(place.directory, place.name))
  } catch (error) {
    const code = errnoCodeOf(error)
    if (code === undefined) throw error
    // ENOTSUP: the file system has no attributes. ENOENT: it vanished, and whoever opens it says so.
    if (code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOENT') refused('extended attributes', code)
    return []
  }
}

function valueAt(calls: ReadCalls, place: AttributePlace, name: Buffer): Buffer | undefined {
  return 'fd' in place
    ? calls.getAttributeFd(place.fd, name)
    : calls.getAttributeAt(pathOf(place.directory, place.name), name)
}

function pathOf(directory: number, name: Buffer): Buffer {
  return directory === AT.FDCWD ? name : descriptorPath(directory, name)
}
