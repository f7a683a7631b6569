import type { Enrolment, IssuedIdentity } from '@nb/contracts'
import { addresses, boundedText } from '../schemas/hosts.ts'
import { closed, empty, maybe, text } from '../schemas/schema.ts'
import { call, type InputOf, type OutputOf, type PortContract } from './port-contract.ts'

type In<Name extends keyof Enrolment> = InputOf<Enrolment, Name>

const issuedIdentity = closed<IssuedIdentity>({ certificate: text, authorities: text, revocations: text })
/** A certificate and its authority's take about 2,000 characters, a request 500. */
const pem = boundedText(16_384)

export const enrolmentContract: PortContract<Enrolment> = {
  enrol: call(
    closed<In<'enrol'>>({ token: boundedText(256), request: pem, addresses: maybe(addresses) }),
    issuedIdentity,
  ),
  renew: call(
    closed<In<'renew'>>({ certificate: pem, request: pem, proof: boundedText(256) }),
    issuedIdentity,
  ),
  revocations: call(empty, closed<OutputOf<Enrolment, 'revocations'>>({ revocations: text })),
}
