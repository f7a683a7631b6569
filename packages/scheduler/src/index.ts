/**
 * Policies, schedules, start windows, calendars, due times and retries.
 *
 * @packageDocumentation
 */
export {}
