/**
 * What a conformance suite needs of a test runner: a way to declare a test. tap's `t.test`, `node:test`'s `test`
 * and most others fit. Suites assert with `node:assert`, so a failed obligation is a rejected promise.
 */
export interface SuiteContext {
  /** Declares a test: its name, and what rejects when it fails. */
  readonly test: (name: string, run: () => Promise<void>) => unknown
}

/** How a suite gets a fresh implementation for each test. */
export interface SuiteSetup<Fixture, Lack extends string = string> {
  /** Makes a new, started implementation with nothing in it. */
  readonly setup: () => Promise<Fixture>
  /** Ends it; called also after a failed test. */
  readonly teardown: (fixture: Fixture) => Promise<void>
  /** Named obligations that the implementation declares not to support; they are reported, not skipped quietly. */
  readonly unsupported?: readonly Lack[]
}

/** Runs `body` as a test of its own with a fixture that is always torn down. */
export function withFixture<Fixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
  name: string,
  body: (fixture: Fixture) => Promise<void>,
): unknown {
  return context.test(name, async () => {
    const fixture = await setup.setup()
    try {
      await body(fixture)
    } finally {
      await setup.teardown(fixture)
    }
  })
}

/** Reports what an implementation declares not to support, as the name of a test; answers whether something is among it. */
export function declareLacks<Lack extends string>(
  context: SuiteContext,
  { unsupported = [] }: { readonly unsupported?: readonly Lack[] },
): (lack: Lack) => boolean {
  if (unsupported.length > 0)
    context.test(`declared not to be supported: ${unsupported.join(', ')}`, async () => undefined)
  return (lack) => unsupported.includes(lack)
}
