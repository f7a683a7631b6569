import { hostname } from 'node:os'
import { NbError } from '@nb/contracts'
import { readChapSecrets } from '../iscsi/chap-secrets.ts'
import { parseIscsiUrl } from '../iscsi/iscsi-url.ts'
import { type IscsiChap, isIscsiName } from '../iscsi/options.ts'

/** A tape library, or a unit of one, and how we are let in. */
export interface TapeLibraryAccess {
  /** `iscsi://HOST[:PORT][/TARGET[/LUN]]`, or device nodes of this host, separated by commas: `/dev/sg3,/dev/nst0`. */
  readonly library: string
  /** Our own name, an iqn, eui or naa name. */
  readonly initiatorName: string
  /** @default no CHAP */
  readonly chap?: IscsiChap
}

/** What a program was told of a library, by its arguments and its environment. */
export interface LibraryArguments {
  /** What names the library; see {@link TapeLibraryAccess}. */
  readonly library: string
  /** The file of names and secrets for CHAP; see `readChapSecrets`. @default the environment is asked */
  readonly chapFile?: string
  /** What the program calls the option of that file, for what it says. @default '--chap' */
  readonly chapOption?: string
  /** Our own name. @default `NB_ISCSI_INITIATOR` of the environment, else {@link defaultInitiatorName} */
  readonly initiatorName?: string
  /** `process.env` */
  readonly environment: Readonly<Record<string, string | undefined>>
}

const forms =
  'iscsi://HOST[:PORT][/TARGET[/LUN]], or /dev/sgN[,/dev/sgN…] for devices of this host, the robot first'

/**
 * Checks what a program was told of a tape library, and reads its secrets. A secret in the URL is refused: everybody on the host can see it.
 * @throws NbError `argument-invalid`, with `details.field` `library`, `chap` or `initiatorName`
 */
export function readLibraryAccess(told: LibraryArguments): TapeLibraryAccess {
  const { library, chapFile, chapOption = '--chap', environment } = told
  const initiatorName = told.initiatorName ?? environment['NB_ISCSI_INITIATOR'] ?? defaultInitiatorName()
  if (!isIscsiName(initiatorName))
    throw invalid('initiatorName', 'the name of an initiator is an iqn, eui or naa name')
  if (library.startsWith('/')) {
    if (chapFile !== undefined) throw invalid('chap', `${chapOption} goes with an iscsi:// URL`)
    if (library.split(',').some((path) => !path.startsWith('/')))
      throw invalid('library', `devices are named by absolute paths with commas between: ${forms}`)
    return { library, initiatorName }
  }
  if (!library.startsWith('iscsi://')) throw invalid('library', `a tape library is named ${forms}`)
  // Before anything else is said of it: what stands before the @ may be a secret, however it is written.
  if (library.includes('@'))
    throw invalid(
      'library',
      `everybody on this host could see the secret in the URL: leave what stands before the @ out, and put user and secret into a file for ${chapOption}`,
    )
  parseIscsiUrl(library)
  const chap = readChapSecrets({ environment, ...(chapFile === undefined ? {} : { file: chapFile }) })
  return { library, initiatorName, ...(chap === undefined ? {} : { chap }) }
}

/** What this host calls itself towards targets, unless it is told otherwise: `iqn.2026-11.example.nb:` and its host name. */
export function defaultInitiatorName(): string {
  const host = hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]/g, '-')
  return `iqn.2026-11.example.nb:${host === '' ? 'host' : host}`
}

/**
 * What to do about an error of a tape library, in a sentence or two for those who gave it these arguments; for others the remedy of its
 * status.
 */
export function remedyOfLibrary(
  error: NbError,
  { initiatorName, chapOption = '--chap' }: { readonly initiatorName: string; readonly chapOption?: string },
): string {
  const { code, details, remedy } = error
  switch (code) {
    case 'scsi-transport-lost':
      return 'Is the target running, are host and port right (3260 unless given), does a firewall let us through?'
    case 'scsi-timeout':
      return 'The unit does not answer: look at its display, and at the log of the target.'
    case 'robot-not-ready':
      return 'The library is busy or its door is open: look at its display, then ask again.'
    case 'not-found':
      if ('lun' in details) return 'Leave its number out of the URL to see which ones there are.'
      if (details['systemCode'] !== undefined || 'path' in details)
        return 'lsscsi -g, or ls -l /sys/class/scsi_generic/*/device/, tells which devices there are.'
      return details['statusClass'] === undefined
        ? remedy
        : 'Leave the target out of the URL to see which ones the portal has.'
    case 'scsi-access-denied':
      if (details['systemCode'] === 'EBUSY') return 'End the program that uses it, then ask again.'
      if (details['systemCode'] !== undefined)
        return 'Join the group that owns the device (tape), or have its owner give you read and write permission.'
      if (details['reserved'] === true) return 'Another host works with it. Ask again when that is done.'
      if (details['reason'] === 'target-unproven' && details['discovery'] === true)
        return 'Name the target, which proves itself: iscsi://HOST[:PORT]/TARGET. Or have the target ask for CHAP at discovery as well.'
      if (details['reason'] === 'target-unproven' || details['reason'] === 'target-name')
        return `Is that the target you mean? Compare target-user and target-secret (${chapOption} FILE) with its settings.`
      return `Give the user and secret of the target (${chapOption} FILE, or NB_ISCSI_USER and NB_ISCSI_SECRET), and have it let in the initiator ${initiatorName}.`
    default:
      return remedy
  }
}

function invalid(field: string, message: string): NbError {
  return new NbError('argument-invalid', message, { details: { field } })
}
