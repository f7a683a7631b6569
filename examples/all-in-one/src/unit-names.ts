/** Name of the disk storage unit. */
export const storageUnit = 'disk1'
/** Name of the one for copies, where it is asked for. */
export const secondStorageUnit = 'disk2'
