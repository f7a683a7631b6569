/**
 * The command nb: a thin user of the ports.
 *
 * @packageDocumentation
 */
export {}
