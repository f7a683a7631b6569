/**
 * A queue of resource requests: limits, fair order, leases, and why a job waits.
 *
 * @packageDocumentation
 */
export {}
