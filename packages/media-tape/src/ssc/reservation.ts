import { NbError } from '@nb/contracts'
import { buildCdb } from '../scsi/cdb.ts'
import { reservationIn, reservationOut, reservationType } from '../scsi/command-codes.ts'
import { buildReservationChange, parseReservation, reservationChangeBytes } from '../scsi/unit-answers.ts'
import type { DriveSession } from './drive-session.ts'

/**
 * Keeps other hosts from using the drive: by a persistent reservation, or by RESERVE where the drive knows no better. One that was left under our
 * own key, by a process or a connection that is gone, is taken over; one of others stays, and `scsi-access-denied` tells its key (`details.heldBy`).
 */
export async function reserveDrive(session: DriveSession, key: bigint): Promise<void> {
  const { registerIgnoring, reserve, register, preempt } = reservationOut
  if (!(await persistent(session, registerIgnoring, { key: 0n, serviceActionKey: key })))
    return await plainly(session, 'reserve-6')
  try {
    if (!(await persistent(session, reserve, { key, serviceActionKey: 0n })))
      await plainly(session, 'reserve-6')
  } catch (error) {
    if (!isReserved(error)) throw error
    const heldBy = await holderOf(session)
    if (heldBy === key) {
      await persistent(session, preempt, { key, serviceActionKey: key })
      return
    }
    await persistent(session, register, { key, serviceActionKey: 0n })
    throw heldBy === undefined ? error : reservedBy(session, heldBy, error)
  }
}

/** Lets other hosts use the drive again. What is not reserved by us stays as it is. */
export async function releaseDrive(session: DriveSession, key: bigint): Promise<void> {
  try {
    await releaseOnce(session, key)
  } catch (error) {
    if (!isReserved(error)) throw error
    // This connection is not known to the drive: what an earlier one has left is taken over first, to be given back.
    if ((await holderOf(session)) !== key) return
    await reserveDrive(session, key)
    await releaseOnce(session, key)
  }
}

async function releaseOnce(session: DriveSession, key: bigint): Promise<void> {
  const { release, register } = reservationOut
  const released = await persistent(session, release, { key, serviceActionKey: 0n })
  if (released && (await persistent(session, register, { key, serviceActionKey: 0n }))) return
  await plainly(session, 'release-6')
}

/** RESERVE or RELEASE of SPC-2; a drive that has neither is not reserved. */
async function plainly(session: DriveSession, command: 'reserve-6' | 'release-6'): Promise<void> {
  const ended = await session.unit.ask({ cdb: buildCdb(command) })
  if (ended.good || ended.meaning === 'recovered') return
  throw await session.failure(ended, 'ask')
}

/** The key under which the drive is reserved persistently; `undefined` where it is not. */
async function holderOf(session: DriveSession): Promise<bigint | undefined> {
  const allocationLength = 256
  const cdb = buildCdb('persistent-reserve-in', {
    serviceAction: reservationIn.reservation,
    allocationLength,
  })
  const bytes = await session.unit.read(cdb, allocationLength)
  return bytes === undefined ? undefined : parseReservation(bytes).holder?.key
}

function isReserved(error: unknown): error is NbError {
  return error instanceof NbError && error.code === 'scsi-access-denied' && error.details['reserved'] === true
}

function reservedBy({ name }: DriveSession, key: bigint, cause: NbError): NbError {
  const heldBy = `0x${key.toString(16).padStart(16, '0')}`
  return new NbError('scsi-access-denied', `drive ${name} is reserved by another host (key ${heldBy})`, {
    retryable: true,
    details: { ...cause.details, drive: name, heldBy },
    cause,
  })
}

/** One change of persistent reservations; false where the drive has none. */
async function persistent(
  session: DriveSession,
  serviceAction: number,
  keys: { readonly key: bigint; readonly serviceActionKey: bigint },
): Promise<boolean> {
  const { supports } = await session.who()
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
