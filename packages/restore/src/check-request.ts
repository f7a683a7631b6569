import { type RestoreRequest, NbError } from '@nb/contracts'
import { checkAbsolute, pathMapping } from './path-mapping.ts'

/**
 * Refuses a request that can't be meant.
 * @throws NbError `argument-invalid` or `value-missing`, naming the field
 */
export function checkRequest(request: RestoreRequest): void {
  if (request.requestId === '') missing('requestId', 'give each request an id of its own')
  if (request.from.client === '') missing('from.client', 'name the client whose backup it is')
  if (request.paths.length === 0) missing('paths', 'name at least one file or directory, "/" for all')
  request.paths.forEach((path, index) => void checkAbsolute(`paths[${index}]`, path))
  pathMapping(request.target)
}

function missing(field: string, remedy: string): never {
  throw new NbError('value-missing', `${field} is missing: ${remedy}`, { details: { field } })
}
