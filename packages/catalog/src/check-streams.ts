import { type NewImage, NbError } from '@nb/contracts'

const mostNameLength = 4096

/** Refuses a stream that is not one of its set, a set with a name twice, and names that are none. */
export function checkStreams({ stream, streamSet }: Pick<NewImage, 'stream' | 'streamSet'>): void {
  if (stream !== undefined) checkStream('stream', stream)
  if (streamSet === undefined) return
  streamSet.forEach((name, index) => checkStream(`streamSet[${index}]`, name))
  if (new Set(streamSet).size < streamSet.length) refuse('streamSet', 'names a stream twice')
  if (stream === undefined || !streamSet.includes(stream))
    refuse('streamSet', 'does not name the stream of the image')
}

function checkStream(field: string, name: string): void {
  if (name === '') refuse(field, 'is empty')
  if (name.length > mostNameLength)
    refuse(field, `has ${name.length} characters, more than ${mostNameLength}`)
}

function refuse(field: string, fault: string): never {
  throw new NbError('argument-invalid', `${field} ${fault}`, { details: { field } })
}
