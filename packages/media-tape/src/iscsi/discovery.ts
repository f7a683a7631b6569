import { randomBytes } from 'node:crypto'
import { type CallOptions, debugLogger, NbError } from '@nb/contracts'
import { Association } from './association.ts'
import { noTag } from './basic-header.ts'
import { type IscsiPortalOptions, isIscsiName, planPortal } from './options.ts'
import { type IscsiPortal, parsePortal } from './portal.ts'
import { malformed } from './responses.ts'
import type { IscsiComponents } from './session.ts'
import { decodeText, encodeText, type TextPair } from './text-keys.ts'

/** A target that a portal tells of. */
export interface DiscoveredTarget {
  /** Its iqn, eui or naa name. */
  readonly target: string
  /** Where it is reached; where it tells none, the portal that was asked. */
  readonly portals: readonly IscsiPortal[]
}

const askTimeoutMs = 30_000
/** Most text in an answer; some thousands of targets. */
const mostTextBytes = 2 ** 20

/**
 * Asks a portal for its targets (SendTargets; RFC 7143, appendix C).
 * Rejects with `argument-invalid`, `scsi-transport-lost`, `scsi-access-denied`, or the signal's reason.
 */
export async function discoverTargets(
  { clock, logger = debugLogger('nb:media-tape:iscsi') }: IscsiComponents,
  options: IscsiPortalOptions,
  { signal }: CallOptions = {},
): Promise<DiscoveredTarget[]> {
  const plan = planPortal(options)
  const unexpected = (): never => {
    throw malformed('data of a command in a discovery session', {})
  }
  const association = await Association.make(
    { clock, logger },
    { ...plan, sessionId: Buffer.concat([Buffer.from([0x80]), randomBytes(5)]) },
    {
      uses: () => false,
      placeFor: unexpected,
      take: unexpected,
      room: () => undefined,
      leave: () => undefined,
      lost: (error) => logger('the discovery session ended: %s', error.message),
    },
    signal === undefined ? {} : { signal },
  )
  const onAbort = (): void =>
    association.fail(
      new NbError('scsi-transport-lost', 'the discovery was aborted', { cause: signal?.reason }),
    )
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return targetsOf(await askForTargets(association), plan.portal)
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
    await association.logout()
  }
}

/** The pairs of the whole answer, which may come in several parts (RFC 7143, 11.11). */
async function askForTargets(association: Association): Promise<TextPair[]> {
  let { pdu, data } = await association.askInText(
    encodeText([['SendTargets', 'All']]),
    undefined,
    askTimeoutMs,
  )
  const parts = [data]
  for (let bytes = data.length; !pdu.final; bytes += data.length) {
    if (bytes > mostTextBytes) throw malformed('too much text', { bytes })
    if (pdu.transferTag === noTag) throw malformed('a text that ends nowhere', {})
    ;({ pdu, data } = await association.askInText(Buffer.alloc(0), pdu, askTimeoutMs))
    parts.push(data)
  }
  return decodeText(Buffer.concat(parts))
}

/**
 * The targets of an answer to SendTargets: each TargetName is followed by its addresses.
 * @throws NbError `message-invalid` when it is no such answer
 */
export function targetsOf(pairs: readonly TextPair[], asked: IscsiPortal): DiscoveredTarget[] {
  const targets: { target: string; portals: IscsiPortal[] }[] = []
  for (const [key, value] of pairs) {
    const last = targets.at(-1)
    if (key === 'TargetName') {
      if (!isIscsiName(value)) throw malformed('the name of a target that is none', { bytes: value.length })
      targets.push({ target: value, portals: [] })
    } else if (key === 'TargetAddress' && last !== undefined) last.portals.push(addressOf(value))
    else throw malformed('an answer to SendTargets that is none', { key })
  }
  return targets.map(({ target, portals }) => ({ target, portals: portals.length === 0 ? [asked] : portals }))
}

function addressOf(value: string): IscsiPortal {
  try {
    return parsePortal(value)
  } catch {
    throw malformed('the address of a target that is none', { bytes: value.length })
  }
}
