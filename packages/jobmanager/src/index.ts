/**
 * The life cycle of jobs, the jobs database and the backup flow.
 *
 * @packageDocumentation
 */
export {}
