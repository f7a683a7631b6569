import type { HostDirectory, HostFilter } from '@nb/contracts'
import { addresses, hostKind, hostRecord, hostState, role } from '../schemas/hosts.ts'
import { closed, count, list, maybe, nothing, text, time } from '../schemas/schema.ts'
import { call, type InputOf, type OutputOf, type PortContract, stream } from './port-contract.ts'

type In<Name extends keyof HostDirectory> = InputOf<HostDirectory, Name>

export const hostDirectoryContract: PortContract<HostDirectory> = {
  list: stream(
    closed<HostFilter>({ kind: maybe(hostKind), role: maybe(role), state: maybe(hostState) }),
    hostRecord,
  ),
  get: call(closed<In<'get'>>({ name: text }), maybe(hostRecord)),
  createToken: call(
    closed<In<'createToken'>>({
      name: text,
      roles: list(role),
      addresses: maybe(addresses),
      validForMs: maybe(count),
    }),
    closed<OutputOf<HostDirectory, 'createToken'>>({ token: text, expiresAt: time }),
  ),
  update: call(
    closed<In<'update'>>({
      name: text,
      roles: maybe(list(role)),
      addresses: maybe(addresses),
      sources: maybe(list(text)),
    }),
    hostRecord,
  ),
  revoke: call(closed<In<'revoke'>>({ name: text, reason: text }), nothing),
  remove: call(closed<In<'remove'>>({ name: text }), nothing),
}
