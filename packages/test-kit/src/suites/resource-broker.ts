import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import { exchanging } from './resource-broker-exchange.ts'
import { explaining } from './resource-broker-explain.ts'
import { granting, limiting } from './resource-broker-grants.ts'
import { leasing, leaving, reconciling } from './resource-broker-leases.ts'
import { ordering, prioritising, sharing } from './resource-broker-order.ts'
import { bringing } from './resource-broker-wanted.ts'
import type { Check, ResourceBrokerFixture } from './resource-broker-site.ts'

export type { ResourceBrokerFixture } from './resource-broker-site.ts'

/**
 * The obligations of `ResourceBroker`. May be declared unsupported: `abort-undoes-grant`, where a grant that was on
 * its way when the call was aborted stays until its lease ends, as over a wire.
 */
export function resourceBrokerSuite<Fixture extends ResourceBrokerFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const check: Check = (name, body) => void withFixture(context, setup, name, body)
  granting(check)
  limiting(check)
  ordering(check)
  prioritising(check)
  sharing(check)
  leaving(check, setup.unsupported?.includes('abort-undoes-grant') !== true)
  leasing(check)
  exchanging(check)
  explaining(check)
  reconciling(check)
  bringing(check)
}
