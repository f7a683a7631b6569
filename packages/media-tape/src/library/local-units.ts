import { type CallOptions, type Clock, NbError } from '@nb/contracts'
import { type GenericNode, genericNodeOf, type HostPlaces, tapeNodes } from '../sg/generic-nodes.ts'
import type { SgCalls } from '../sg/sg-calls.ts'
import { createSgTransport } from '../sg/sg-transport.ts'
import { identifyUnit } from './find-units.ts'
import type { ReachedUnit, UnitGroup } from './unit-group.ts'

/** What devices of this host are reached with. */
export interface LocalUnitsComponents {
  readonly clock: Clock
  /** @default those of this machine, through `koffi` */
  readonly sgCalls?: SgCalls
  /** @default `/dev` and `/sys` */
  readonly host?: HostPlaces
}

/**
 * Opens devices of this host, and asks each what it is. With a robot that is named alone come all tape drives of the host; those that we may
 * not use, or that have gone meanwhile, are told of in `leftOut`.
 *
 * Rejects with `argument-invalid` (a path that is no SCSI device, or is there twice), `not-found` (no such device), `scsi-access-denied` (no
 * permission, or another program has it alone), `not-supported` (this system has none).
 */
export async function openLocalUnits(
  components: LocalUnitsComponents,
  paths: readonly string[],
  options?: CallOptions,
): Promise<UnitGroup> {
  const { host } = components
  const units: ReachedUnit[] = []
  const leftOut: NbError[] = []
  const close = async (): Promise<void> => {
    for (const { transport } of units) await transport.close()
  }
  try {
    for (const path of paths) {
      const node = await genericNodeOf(path, host)
      if (units.some(({ name }) => name === node.path))
        throw new NbError('argument-invalid', `${node.path} is named twice`, {
          details: { field: 'library' },
        })
      units.push(await reach(components, node, options))
    }
    const [named, ...more] = units
    if (named === undefined) throw new TypeError('no device is named')
    const searched = named.kind === 'robot' && more.length === 0
    for (const node of searched ? await tapeNodes(host) : []) {
      try {
        units.push(await reach(components, node, options))
      } catch (error) {
        if (!isOutOfReach(error)) throw error
        leftOut.push(error)
      }
    }
    return { name: named.name, units, named, searched, leftOut, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function reach(
  { clock, sgCalls }: LocalUnitsComponents,
  { path }: GenericNode,
  options?: CallOptions,
): Promise<ReachedUnit> {
  const calls = sgCalls === undefined ? {} : { calls: sgCalls }
  const transport = createSgTransport({ clock, ...calls }, { path })
  try {
    const unit = await identifyUnit({ transport, clock }, options)
    if (unit === undefined) throw new NbError('not-found', `there is no unit behind ${path}`)
    return { ...unit, name: path, transport }
  } catch (error) {
    await transport.close()
    throw error
  }
}

/** Of a drive that nobody named: it is gone, or others have it for themselves. */
function isOutOfReach(error: unknown): error is NbError {
  return (
    error instanceof NbError &&
    (error.code === 'scsi-access-denied' ||
      error.code === 'not-found' ||
      error.code === 'scsi-transport-lost')
  )
}
