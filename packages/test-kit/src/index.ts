/**
 * Conformance suites (one per port), a virtual clock, fakes and fault injection for nb.
 *
 * @packageDocumentation
 */
export {}
