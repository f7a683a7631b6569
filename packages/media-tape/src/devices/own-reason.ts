/**
 * Begins the reason of all that the device manager takes down: so it knows, also after a restart, what it is to bring up again, and leaves alone what
 * a person or errors have taken down.
 */
const mark = 'device manager: '

/** The reason for which the device manager takes something down. */
export function ownReason(why: string): string {
  return `${mark}${why}`
}

/** Whether it was taken down by the device manager. */
export function isOwnReason(reason: string | undefined): boolean {
  return reason?.startsWith(mark) === true
}
