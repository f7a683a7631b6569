import { type CallOptions, type Clock, NbError, type ScsiTransport } from '@nb/contracts'
import { buildCdb } from '../scsi/cdb.ts'
import { deviceType } from '../scsi/command-codes.ts'
import { ScsiUnit } from '../scsi/scsi-unit.ts'
import { askUnit } from '../scsi/unit-facts.ts'
import { parseLuns } from '../scsi/unit-answers.ts'

/** A unit, by what it says of itself (INQUIRY). */
export interface UnitIdentity {
  readonly kind: 'drive' | 'robot' | 'disk' | 'other'
  readonly vendor: string
  readonly product: string
  readonly revision: string
  /** Absent where it has none. */
  readonly serial?: string
}

/** A logical unit of a target. */
export interface FoundUnit extends UnitIdentity {
  readonly lun: number
}

/** What {@link findUnits} works with. */
export interface FindUnitsComponents {
  /** The way to a logical unit, such as `unit` of an iSCSI session. */
  readonly unitOf: (lun: number) => ScsiTransport
  readonly clock: Clock
}

/** 1,024 units: more than any library has behind one target. */
const listBytes = 8 + 8 * 1024

/**
 * The logical units of a target, by number: REPORT LUNS, then INQUIRY of each. Numbers where no unit is are left out. Rejects as
 * `ScsiTransport.execute` does.
 */
export async function findUnits(
  { unitOf, clock }: FindUnitsComponents,
  options?: CallOptions,
): Promise<readonly FoundUnit[]> {
  const cdb = buildCdb('report-luns', { select: 0, allocationLength: listBytes })
  const first = new ScsiUnit(unitOf(0), 'changer', clock)
  const listed = await first.read(cdb, listBytes, options)
  if (listed === undefined)
    throw new NbError(
      'not-supported',
      `${first.transport.name} does not tell its logical units (REPORT LUNS).`,
    )
  const found: FoundUnit[] = []
  for (const lun of [...parseLuns(listed)].sort((a, b) => a - b)) {
    const unit = await identifyUnit({ transport: unitOf(lun), clock }, options)
    if (unit !== undefined) found.push({ lun, ...unit })
  }
  return found
}

/** What a unit says of itself; `undefined` where none is. Rejects as `ScsiTransport.execute` does. */
export async function identifyUnit(
  { transport, clock }: { readonly transport: ScsiTransport; readonly clock: Clock },
  options?: CallOptions,
): Promise<UnitIdentity | undefined> {
  const { inquiry, serial } = await askUnit(new ScsiUnit(transport, 'tape', clock), options)
  const { qualifier, vendor, product, revision } = inquiry
  // SPC-5: another qualifier says that no unit is there.
  if (qualifier !== 0) return undefined
  const kind = kindOf(inquiry.deviceType)
  return { kind, vendor, product, revision, ...(serial === undefined ? {} : { serial }) }
}

function kindOf(type: number): UnitIdentity['kind'] {
  if (type === deviceType.tape) return 'drive'
  if (type === deviceType.changer) return 'robot'
  return type === deviceType.disk ? 'disk' : 'other'
}
