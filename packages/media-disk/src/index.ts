/**
 * Disk storage units: self-describing fragments with checksums and atomic commit.
 *
 * @packageDocumentation
 */
export {}
