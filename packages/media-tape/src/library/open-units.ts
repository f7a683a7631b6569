import { type CallOptions, type Logger, NbError, type ScsiTransport } from '@nb/contracts'
import { discoverTargets } from '../iscsi/discovery.ts'
import { parseIscsiUrl } from '../iscsi/iscsi-url.ts'
import type { IscsiSessionOptions } from '../iscsi/options.ts'
import { printPortal } from '../iscsi/portal.ts'
import { createIscsiSession } from '../iscsi/session.ts'
import { type FoundUnit, findUnits } from './find-units.ts'
import type { TapeLibraryAccess } from './library-access.ts'
import { type LocalUnitsComponents, openLocalUnits } from './local-units.ts'
import type { ReachedUnit, UnitGroup } from './unit-group.ts'

/** What units are reached with. */
export interface OpenUnitsComponents extends LocalUnitsComponents {
  /** @default `debugLogger('nb:media-tape:iscsi')` */
  readonly logger?: Logger
}

/** Which units, and how they are reached; the rest is for iSCSI alone. */
export interface OpenUnitsOptions
  extends TapeLibraryAccess, Omit<IscsiSessionOptions, 'portal' | 'target' | 'initiatorName' | 'chap'> {}

/**
 * Reaches the units that a name of a library stands for, and asks each what it is. Nothing moves. Of a target these are all of its units;
 * of this host those that are named, and with a robot alone all tape drives that it has.
 *
 * Rejects with `argument-invalid` (a bad name, or one that leaves open which target), `not-found` (there is no such target or unit), and as
 * `ScsiTransport.open` does.
 */
export async function openUnits(
  components: OpenUnitsComponents,
  options: OpenUnitsOptions,
  callOptions?: CallOptions,
): Promise<UnitGroup> {
  const { library, ...wanted } = options
  if (library.startsWith('/')) return await openLocalUnits(components, library.split(','), callOptions)
  const { portal, target, lun, chap: inUrl } = parseIscsiUrl(library)
  const chap = inUrl === undefined ? wanted.chap : { ...wanted.chap, ...inUrl }
  const sessionOptions = { ...wanted, portal, ...(chap === undefined ? {} : { chap }) }
  const session = createIscsiSession(components, {
    ...sessionOptions,
    target: target ?? (await onlyTarget(components, sessionOptions, callOptions)),
  })
  const unitOf = (number: number): ScsiTransport => session.unit(number)
  try {
    const found = await findUnits({ unitOf, clock: components.clock }, callOptions)
    const units = found.map((unit: FoundUnit): ReachedUnit => ({
      ...unit,
      name: `LUN ${unit.lun}`,
      transport: unitOf(unit.lun),
    }))
    const named = units.find((unit) => unit.lun === lun)
    if (lun !== undefined && named === undefined)
      throw new NbError('not-found', `${session.name} has no logical unit ${lun}`, { details: { lun } })
    return {
      name: session.name,
      units,
      ...(named === undefined ? {} : { named }),
      close: () => session.close(),
    }
  } catch (error) {
    await session.close()
    throw error
  }
}

async function onlyTarget(
  components: OpenUnitsComponents,
  options: Omit<IscsiSessionOptions, 'target'>,
  callOptions?: CallOptions,
): Promise<string> {
  const found = await discoverTargets(components, options, callOptions)
  const [only] = found
  const where = typeof options.portal === 'string' ? options.portal : printPortal(options.portal)
  if (only === undefined) throw new NbError('not-found', `Portal ${where} offers no target.`)
  if (found.length > 1)
    throw new NbError(
      'argument-invalid',
      `Portal ${where} offers ${found.map(({ target }) => target).join(', ')}: name one in the URL.`,
      { details: { field: 'library' } },
    )
  return only.target
}
