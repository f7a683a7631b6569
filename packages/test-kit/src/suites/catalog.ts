import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import { arriving, goingOn } from './catalog-arrivals.ts'
import { beginnings } from './catalog-beginnings.ts'
import { browsing, versions } from './catalog-browse.ts'
import { checking } from './catalog-checks.ts'
import { completing } from './catalog-completion.ts'
import { expiring } from './catalog-expiry.ts'
import type { CatalogCheck, CatalogFixture } from './catalog-fixture.ts'
import { importing } from './catalog-import.ts'
import { listing } from './catalog-listing.ts'
import { severalPolicies } from './catalog-policies.ts'
import { reading } from './catalog-reading.ts'
import { searching } from './catalog-search.ts'
import { streams } from './catalog-streams.ts'

/** The obligations of `Catalog`. */
export function catalogSuite<Fixture extends CatalogFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const check: CatalogCheck = (name, body) => void withFixture(context, setup, name, body)
  beginnings(check)
  arriving(check)
  goingOn(check)
  completing(check)
  listing(check)
  browsing(check)
  versions(check)
  streams(check)
  severalPolicies(check)
  importing(check)
  reading(check)
  searching(check)
  checking(check)
  expiring(check)
}
