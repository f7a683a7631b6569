import { buildCdb } from '../scsi/cdb.ts'
import { reservationOut, reservationType } from '../scsi/command-codes.ts'
import { buildReservationChange, reservationChangeBytes } from '../scsi/unit-answers.ts'
import type { DriveSession } from './drive-session.ts'

/** Keeps other hosts from using the drive: by a persistent reservation, or by RESERVE where the drive knows no better. */
export async function reserveDrive(session: DriveSession, key: bigint): Promise<void> {
  const { registerIgnoring, reserve } = reservationOut
  const registered = await persistent(session, registerIgnoring, { key: 0n, serviceActionKey: key })
  if (registered && (await persistent(session, reserve, { key, serviceActionKey: 0n }))) return
  const ended = await session.unit.ask({ cdb: buildCdb('reserve-6') })
  if (ended.good || ended.meaning === 'recovered') return
  throw await session.failure(ended, 'ask')
}

/** Lets other hosts use the drive again. What is not reserved by us stays as it is. */
export async function releaseDrive(session: DriveSession, key: bigint): Promise<void> {
  const { release, register } = reservationOut
  const released = await persistent(session, release, { key, serviceActionKey: 0n })
  if (released && (await persistent(session, register, { key, serviceActionKey: 0n }))) return
  const ended = await session.unit.ask({ cdb: buildCdb('release-6') })
  if (ended.good || ended.meaning === 'recovered') return
  throw await session.failure(ended, 'ask')
}

/** One change of persistent reservations; false where the drive has none. */
async function persistent(
  session: DriveSession,
  serviceAction: number,
  keys: { readonly key: bigint; readonly serviceActionKey: bigint },
): Promise<boolean> {
  const { supports } = await session.facts()
  if (!supports.has('persistent-reserve-out')) return false
  const cdb = buildCdb('persistent-reserve-out', {
    serviceAction,
    type: reservationType.exclusiveAccess,
    parameterListLength: reservationChangeBytes,
  })
  const dataOut = buildReservationChange({ ...keys, throughPowerLoss: false })
  const ended = await session.unit.ask({ cdb, dataOut })
  if (ended.good || ended.meaning === 'recovered') return true
  if (ended.meaning === 'not-supported' || ended.meaning === 'invalid-field') {
    supports.refused('persistent-reserve-out')
    return false
  }
  throw await session.failure(ended, 'ask')
}

/** Throws `TypeError` for what is no key: 0 means none. */
export function checkReservationKey(key: bigint): void {
  if (key < 1n || key >= 2n ** 64n)
    throw new TypeError(`a reservation key is ${key}; allowed: 1–${2n ** 64n - 1n}`)
}
