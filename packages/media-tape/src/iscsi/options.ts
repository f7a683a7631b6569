import { NbError } from '@nb/contracts'
import { checkChapSecrets } from './chap.ts'
import type { AssociationPlan } from './association-plan.ts'
import type { DigestChoice } from './parameters.ts'
import { type IscsiPortal, parsePortal } from './portal.ts'

/** How to prove who we are to a target, and a target who it is. */
export interface IscsiChap {
  readonly name: string
  /** At least 12 bytes. It is not written to logs, errors or details. */
  readonly secret: string
  /** What the target proves itself by (mutual CHAP). Its secret must be another one. @default the target proves nothing */
  readonly target?: {
    /** @default any name */
    readonly name?: string
    /** At least 12 bytes. */
    readonly secret: string
  }
}

/** How to reach a portal. */
export interface IscsiPortalOptions {
  /** `host`, `host:port`, `[v6]:port`, or in parts. The port is 3260 unless given. */
  readonly portal: string | IscsiPortal
  /** Our own name, an iqn, eui or naa name. */
  readonly initiatorName: string
  /** @default no CHAP */
  readonly chap?: IscsiChap
  /** CRC32C over headers. @default 'off' */
  readonly headerDigest?: DigestChoice
  /** CRC32C over data. @default 'off' */
  readonly dataDigest?: DigestChoice
  /** Longest time to connect, milliseconds, 1–3 600 000. @default 10 000 */
  readonly connectTimeoutMs?: number
  /** Longest time for the whole login, milliseconds, 1–3 600 000. @default 15 000 */
  readonly loginTimeoutMs?: number
}

/** How to work with a target. */
export interface IscsiSessionOptions extends IscsiPortalOptions {
  /** The target's iqn, eui or naa name. */
  readonly target: string
  /** Most commands under way at once for a logical unit, 1–1024. @default 32 */
  readonly queueDepth?: number
  /** Most data in one PDU to us, bytes, 512–16 777 215. @default 1 048 576 */
  readonly maxReceiveBytes?: number
  /** Most data of a write before the target asks for them, bytes, 512–16 777 215. @default 1 048 576 */
  readonly firstBurstBytes?: number
  /** Most data in one sequence, bytes, 512–16 777 215. @default 8 388 608 */
  readonly maxBurstBytes?: number
  /** A ping is sent after so long a silence, milliseconds, 1–3 600 000. @default 10 000 */
  readonly pingIntervalMs?: number
  /** The connection is given up when the answer to a ping takes longer, milliseconds, 2–3 600 000. @default 15 000 */
  readonly pingTimeoutMs?: number
  /** The connection is given up when the answer to an abort or reset takes longer, milliseconds, 1–3 600 000. @default 15 000 */
  readonly abortTimeoutMs?: number
}

/** Names of initiators and targets (RFC 7143, 4.2.7): at most 223 bytes. */
const nameForm =
  /^(iqn\.\d{4}-\d{2}\.[a-z0-9][a-z0-9.-]*(:[^\s/]+)?|eui\.[0-9A-Fa-f]{16}|naa\.([0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}))$/

/** Whether it is the name of an initiator or a target. */
export function isIscsiName(name: string): boolean {
  return Buffer.byteLength(name, 'utf8') <= 223 && nameForm.test(name)
}

const longestMs = 3_600_000
const longestBytes = 2 ** 24 - 1

/**
 * The options of a session, checked and with their defaults.
 * @throws NbError `argument-invalid`
 */
export function planSession(options: IscsiSessionOptions): {
  readonly plan: Omit<AssociationPlan, 'sessionId'>
  readonly queueDepth: number
  readonly abortTimeoutMs: number
} {
  if (!isIscsiName(options.target)) throw invalid('target', 'the name of a target is an iqn, eui or naa name')
  const plan = planPortal(options)
  return {
    plan: { ...plan, identity: { ...plan.identity, targetName: options.target } },
    queueDepth: within('queueDepth', options.queueDepth ?? 32, 1, 1024),
    abortTimeoutMs: within('abortTimeoutMs', options.abortTimeoutMs ?? 15_000, 1, longestMs),
  }
}

/** What is known of a session without its target, which is all that a discovery needs. */
export function planPortal(
  options: IscsiPortalOptions & Partial<IscsiSessionOptions>,
): Omit<AssociationPlan, 'sessionId'> {
  const { initiatorName, chap } = options
  if (!isIscsiName(initiatorName))
    throw invalid('initiatorName', 'the name of an initiator is an iqn, eui or naa name')
  if (chap !== undefined) checkChapSecrets(chap, chap.target)
  const bytes = (field: string, value: number): number => within(field, value, 512, longestBytes)
  const ms = (field: string, value: number, least = 1): number => within(field, value, least, longestMs)
  const { portal } = options
  return {
    portal: typeof portal === 'string' ? parsePortal(portal) : portal,
    identity: { initiatorName, ...(chap === undefined ? {} : { chap }) },
    wishes: {
      headerDigest: options.headerDigest ?? 'off',
      dataDigest: options.dataDigest ?? 'off',
      maxReceiveBytes: bytes('maxReceiveBytes', options.maxReceiveBytes ?? 2 ** 20),
      firstBurstBytes: bytes('firstBurstBytes', options.firstBurstBytes ?? 2 ** 20),
      maxBurstBytes: bytes('maxBurstBytes', options.maxBurstBytes ?? 8 * 2 ** 20),
    },
    connectTimeoutMs: ms('connectTimeoutMs', options.connectTimeoutMs ?? 10_000),
    loginTimeoutMs: ms('loginTimeoutMs', options.loginTimeoutMs ?? 15_000),
    pingIntervalMs: ms('pingIntervalMs', options.pingIntervalMs ?? 10_000),
    pingTimeoutMs: ms('pingTimeoutMs', options.pingTimeoutMs ?? 15_000, 2),
  }
}

function within(field: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw invalid(field, `${field} must be a whole number from ${least} to ${most}`)
}

function invalid(field: string, message: string): NbError {
  return new NbError('argument-invalid', message, { details: { field } })
}
