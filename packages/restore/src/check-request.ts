import { type Path, type RestoreRequest, type RestoreTarget, NbError, pathFromBytes } from '@nb/contracts'
import { checkAbsolute, pathMapping } from './path-mapping.ts'

/**
 * Refuses a request that can't be meant; gives it with its paths in their one form, without a slash at the end.
 * @throws NbError `argument-invalid` or `value-missing`, naming the field
 */
export function checkRequest(request: RestoreRequest): RestoreRequest {
  if (request.requestId === '') missing('requestId', 'give each request an id of its own')
  if (request.from.client === '') missing('from.client', 'name the client whose backup it is')
  if (request.destinationClient === '')
    missing('destinationClient', 'name the client that receives the files, or leave it out')
  if (request.paths.length === 0) missing('paths', 'name at least one file or directory, "/" for all')
  const paths = request.paths.map((path, index) => plain(`paths[${index}]`, path))
  pathMapping(request.target)
  return { ...request, paths, target: plainTarget(request.target) }
}

/**
 * Refuses a restore to a client that is not known, where that can be known.
 * @throws NbError `client-unknown`
 */
export function checkDestination(
  { clients }: { readonly clients?: { has(name: string): boolean } },
  { destinationClient, from }: RestoreRequest,
): void {
  const client = destinationClient ?? from.client
  if (clients === undefined || clients.has(client)) return
  const instead = destinationClient === undefined ? '; name another that receives the files' : ''
  throw new NbError('client-unknown', `there is no client ${client} to restore to${instead}`, {
    details: { field: destinationClient === undefined ? 'from.client' : 'destinationClient', client },
  })
}

function plainTarget(target: RestoreTarget): RestoreTarget {
  if (target.kind === 'original') return target
  return { ...target, directory: plain('target.directory', target.directory) }
}

/** An absolute path in its one form. Throws `argument-invalid`. */
export function plain(field: string, path: Path): Path {
  return pathFromBytes(checkAbsolute(field, path))
}

/** Refuses a field without a value. */
export function missing(field: string, remedy: string): never {
  throw new NbError('value-missing', `${field} is missing: ${remedy}`, { details: { field } })
}
