import { type Clock, type Logger, NbError, type ScsiTransport } from '@nb/contracts'
import { createIscsiTransport } from '../iscsi/iscsi-transport.ts'
import { parseIscsiUrl } from '../iscsi/iscsi-url.ts'
import type { IscsiSessionOptions } from '../iscsi/options.ts'
import { createSgTransport } from '../sg/sg-transport.ts'

/** What a unit is opened with. */
export interface OpenScsiUnitComponents {
  readonly clock: Clock
  /** @default `debugLogger('nb:media-tape:iscsi')` */
  readonly logger?: Logger
}

/** Which unit, and how. */
export interface OpenScsiUnitOptions extends Omit<IscsiSessionOptions, 'portal' | 'target'> {
  /** `iscsi://[USER%SECRET@]HOST[:PORT]/TARGET/LUN`, or the absolute path of a device node: `/dev/sg1`. */
  readonly unit: string
}

/**
 * Makes the transport to a unit by its name. Nothing is sent yet. Throws `argument-invalid` for a name that is neither, or a URL without target or
 * logical unit, and as `createSgTransport` does.
 */
export function openScsiUnit(
  components: OpenScsiUnitComponents,
  options: OpenScsiUnitOptions,
): ScsiTransport {
  const { unit, ...session } = options
  if (unit.startsWith('/')) return createSgTransport({ clock: components.clock }, { path: unit })
  const { portal, target, lun, chap } = parseIscsiUrl(unit)
  if (target === undefined || lun === undefined)
    throw new NbError(
      'argument-invalid',
      'a unit is named by target and logical unit: iscsi://HOST/TARGET/LUN',
      {
        details: { field: 'unit' },
      },
    )
  return createIscsiTransport(components, {
    ...session,
    ...{ portal, target, lun },
    ...(chap === undefined ? {} : { chap: { ...session.chap, ...chap } }),
  })
}
