import type { ScsiTransport } from '@nb/contracts'
import type { IscsiSessionOptions } from './options.ts'
import { createIscsiSession, type IscsiComponents } from './session.ts'

/** Which logical unit, and how to work with its target. */
export interface IscsiTransportOptions extends IscsiSessionOptions {
  /** 0–16 383. */
  readonly lun: number
}

/**
 * Makes the transport to one logical unit over a session of its own. For several units of a target share one session: `createIscsiSession`.
 * @throws NbError `argument-invalid`
 */
export function createIscsiTransport(
  components: IscsiComponents,
  options: IscsiTransportOptions,
): ScsiTransport {
  return createIscsiSession(components, options).unit(options.lun)
}
