/**
 * Storage units, groups, pools, volumes, drives and robots: what exists, in which state, allocated to whom.
 *
 * @packageDocumentation
 */
export {}
