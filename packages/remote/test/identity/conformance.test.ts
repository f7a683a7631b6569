import t from 'tap'
import { enrolmentSuite, hostDirectorySuite, type SuiteSetup } from '@nb/test-kit'
import { twinOf } from '../../src/index.ts'
import { type DirectoryFixture, directoryFixture } from './directory-fixture.ts'

interface Fixture extends DirectoryFixture {
  readonly close: () => Promise<void>
}

const itself: SuiteSetup<Fixture> = {
  setup: async () => ({ ...(await directoryFixture()), close: async () => {} }),
  teardown: ({ close }) => close(),
}

const behindWire: SuiteSetup<Fixture> = {
  setup: async () => {
    const fixture = await directoryFixture()
    const hosts = twinOf.hosts(fixture.hosts)
    const enrolment = twinOf.enrolment(fixture.enrolment)
    const close = async (): Promise<void> => {
      await Promise.all([hosts.close(), enrolment.close()])
    }
    return { ...fixture, hosts: hosts.port, enrolment: enrolment.port, close }
  },
  teardown: ({ close }) => close(),
}

for (const [where, setup] of Object.entries({ 'in one process': itself, 'behind a wire': behindWire })) {
  t.test(`enrolment ${where}`, async (t) => enrolmentSuite(t, setup))
  t.test(`host directory ${where}`, async (t) => hostDirectorySuite(t, setup))
}
