/** What surrounds the calls of a port: is told each method before it is called, and after it answered. */
export interface CallHooks {
  /** Rejecting makes the call fail without having happened; never resolving makes it hang. */
  readonly before?: (method: string) => Promise<void>
  /** The same, after the call has had its effect. */
  readonly after?: (method: string) => Promise<void>
}

const streams: ReadonlySet<string> = new Set([
  'list',
  'log',
  'watch',
  'listImages',
  'browse',
  'versions',
  'queue',
  'grants',
  'storedImages',
])

/** The port with hooks around every call: delays, faults, calls whose answer never comes. */
export function aroundCalls<Port extends object>(port: Port, { before, after }: CallHooks): Port {
  return new Proxy(port, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function' || typeof name !== 'string') return member
      const call = (...input: unknown[]): unknown => Reflect.apply(member, target, input)
      if (streams.has(name)) {
        return async function* (...input: unknown[]): AsyncGenerator<unknown> {
          await before?.(name)
          yield* call(...input) as AsyncIterable<unknown>
          await after?.(name)
        }
      }
      return async (...input: unknown[]): Promise<unknown> => {
        await before?.(name)
        const answer = await (call(...input) as Promise<unknown>)
        await after?.(name)
        return answer
      }
    },
  })
}
