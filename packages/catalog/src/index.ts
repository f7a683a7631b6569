/**
 * The image database.
 *
 * @packageDocumentation
 */
export { createCatalog, type CatalogComponents, type CatalogOptions, type LocalCatalog } from './catalog.ts'
