/** Names of entries that a restore is making begin so. */
export const TEMPORARY_PREFIX = '.nb-restore-'
