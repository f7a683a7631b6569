/**
 * Requests of users: restore plans, the images they need, and the restore flow.
 *
 * @packageDocumentation
 */
export {}
