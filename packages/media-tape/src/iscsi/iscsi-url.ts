import { NbError } from '@nb/contracts'
import { highestUnit } from './logical-unit.ts'
import { isIscsiName } from './options.ts'
import { type IscsiPortal, parsePortal } from './portal.ts'

/** What an `iscsi://` URL names. */
export interface IscsiUrl {
  readonly portal: IscsiPortal
  /** Absent where only a portal is named. */
  readonly target?: string
  /** Absent where only a portal or a target is named. */
  readonly lun?: number
  readonly chap?: { readonly name: string; readonly secret: string }
}

/** As it is told to people: without the secret, which everybody on a host sees in a command's arguments. */
const form = 'iscsi://HOST[:PORT][/TARGET[/LUN]]'

/**
 * Reads `iscsi://[user%secret@]host[:port][/target[/lun]]`, the form that libiscsi made usual. User and secret are taken as they are: a
 * secret with `@` or `/` can't be said this way.
 * @throws NbError `argument-invalid`, which repeats nothing of the URL: any part may be one of a secret
 */
export function parseIscsiUrl(url: string): IscsiUrl {
  const rest = /^iscsi:\/\/(.+)$/s.exec(url)?.[1]
  if (rest === undefined) throw invalid('url', `it must be ${form}`)
  const [authority = '', target, lun, ...more] = rest.split('/')
  if (more.length > 0) throw invalid('url', `there is something behind the logical unit; it must be ${form}`)
  const at = authority.lastIndexOf('@')
  const portal = parsePortal(authority.slice(at + 1))
  const chap = at === -1 ? undefined : parseUser(authority.slice(0, at))
  if (target !== undefined && target !== '' && !isIscsiName(target))
    throw invalid('target', 'its target is no iqn, eui or naa name')
  if (lun !== undefined && lun !== '' && !(/^\d{1,5}$/.test(lun) && Number(lun) <= highestUnit))
    throw invalid('lun', `its logical unit is no number from 0 to ${highestUnit}`)
  if ((target ?? '') === '' && (lun ?? '') !== '')
    throw invalid('target', `it has no target; it must be ${form}`)
  return {
    portal,
    ...((target ?? '') === '' ? {} : { target: target ?? '' }),
    ...((lun ?? '') === '' ? {} : { lun: Number(lun) }),
    ...(chap === undefined ? {} : { chap }),
  }
}

function parseUser(user: string): { readonly name: string; readonly secret: string } {
  const percent = user.indexOf('%')
  if (percent < 1 || percent === user.length - 1) throw invalid('chap', 'before the @ stands USER%SECRET')
  return { name: user.slice(0, percent), secret: user.slice(percent + 1) }
}

function invalid(field: string, why: string): NbError {
  return new NbError('argument-invalid', `not a good iscsi:// URL: ${why}`, { details: { field } })
}
