/**
 * The image database: headers and file lists; browse, verify, expire, import.
 *
 * @packageDocumentation
 */
export {}
