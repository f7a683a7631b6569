import { reservationIn, reservationOut, scsiStatus } from '../../scsi/command-codes.ts'
import {
  buildReservation,
  buildReservationKeys,
  parseReservationChange,
  reservationChangeBytes,
} from '../../scsi/unit-answers.ts'
import { type Answer, CheckCondition, good, invalidField, invalidParameter } from './answer.ts'
import { conditions } from './conditions.ts'
import type { LogicalUnit } from './logical-unit.ts'
import type { CommandTable } from './unit-command.ts'

const conflict: Answer = { status: scsiStatus.reservationConflict }

/** RESERVE and RELEASE (SPC-2), PERSISTENT RESERVE IN and OUT (SPC-5, 6.16 and 6.17). */
export function reservationCommands(unit: LogicalUnit): CommandTable {
  const { reservations, attentions } = unit
  return {
    'reserve-6': {
      harmless: true,
      run: (_, { initiator }) => (reservations.reserve(initiator) ? good() : conflict),
    },
    'release-6': {
      harmless: true,
      run: (_, { initiator }) => (reservations.release(initiator) ? good() : conflict),
    },
    'persistent-reserve-in': {
      harmless: true,
      serviceActions: Object.values(reservationIn),
      run: ({ serviceAction }) => {
        if (serviceAction === reservationIn.keys) {
          const { generation, registrations } = reservations
          return good(buildReservationKeys({ generation, keys: [...registrations.values()] }))
        }
        if (serviceAction === reservationIn.reservation) {
          const { generation, persistent: held } = reservations
          const holder = held === undefined ? {} : { holder: { key: held.key, scope: 0, type: held.type } }
          return good(buildReservation({ generation, ...holder }))
        }
        if (serviceAction === reservationIn.capabilities) return good(capabilities())
        if (serviceAction === reservationIn.fullStatus) return good(fullStatus(unit))
        throw invalidField('persistent-reserve-in', 'serviceAction')
      },
    },
    'persistent-reserve-out': {
      harmless: true,
      serviceActions: Object.values(reservationOut),
      run: ({ serviceAction: action, scope, type }, { initiator, dataOut }) => {
        if (action > reservationOut.registerIgnoring)
          throw invalidField('persistent-reserve-out', 'serviceAction')
        if (dataOut.length !== reservationChangeBytes)
          throw new CheckCondition(conditions.parameterListLength)
        if (scope !== 0) throw invalidField('persistent-reserve-out', 'scope')
        // SPEC_I_PT, ALL_TG_PT and APTPL: none of them is offered.
        if (((dataOut[20] ?? 0) & 0x0d) !== 0) throw invalidParameter(20)
        const { key, serviceActionKey: newKey } = parseReservationChange(dataOut)
        const request = { action, type, key, newKey }
        const { outcome, released, preempted, cleared } = reservations.change(initiator, request)
        if (outcome === 'conflict') return conflict
        for (const one of released ?? []) attentions.raiseFor(one, conditions.reservationsReleased)
        for (const one of preempted ?? []) attentions.raiseFor(one, conditions.registrationsPreempted)
        for (const one of cleared ?? []) attentions.raiseFor(one, conditions.reservationsPreempted)
        if (action === reservationOut.preemptAndAbort) unit.abortTasks(preempted ?? [])
        return good()
      },
    },
  }
}

/** All types; nothing persists through a loss of power. */
function capabilities(): Buffer {
  return Buffer.from([0, 8, 0, 0x80, 0xea, 0x01, 0, 0])
}

function fullStatus(unit: LogicalUnit): Buffer {
  const { registrations, persistent } = unit.reservations
  const descriptors = [...registrations].map(([initiator, key]) => {
    // A transport identifier in the form of iSCSI: a name, ended by a zero, padded to fours.
    const name = Buffer.alloc(Math.max(20, Math.ceil((initiator.length + 1) / 4) * 4))
    name.write(initiator, 'utf8')
    const one = Buffer.alloc(24 + 4)
    one.writeBigUInt64BE(key, 0)
    const holds = persistent !== undefined && (persistent.holder ?? initiator) === initiator
    one[12] = holds ? 1 : 0
    one[13] = holds ? (persistent?.type ?? 0) : 0
    one.writeUInt32BE(name.length + 4, 20)
    one[24] = 0x05
    one.writeUInt16BE(name.length, 26)
    return Buffer.concat([one, name])
  })
  const rest = Buffer.concat(descriptors)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(unit.reservations.generation, 0)
  head.writeUInt32BE(rest.length, 4)
  return Buffer.concat([head, rest])
}
