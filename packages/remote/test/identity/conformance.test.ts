import t from 'tap'
import { enrolmentSuite, hostDirectorySuite, type SuiteSetup } from '@nb/test-kit'
import { createWireTwin } from '../../src/index.ts'
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
    const { hosts, enrolment } = fixture
    const { ports, close } = await createWireTwin({ hosts, enrolment })
    return { ...fixture, ...ports, close }
  },
  teardown: ({ close }) => close(),
}

for (const [where, setup] of Object.entries({ 'in one process': itself, 'behind a wire': behindWire })) {
  t.test(`enrolment ${where}`, async (t) => enrolmentSuite(t, setup))
  t.test(`host directory ${where}`, async (t) => hostDirectorySuite(t, setup))
}
