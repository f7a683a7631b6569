import type { Lifecycle } from '@nb/contracts'

/** A server as a part of a composition: it listens from its start to its stop. */
export function listening(serve: () => Promise<{ readonly stop: () => Promise<void> }>): Required<Lifecycle> {
  let server: { readonly stop: () => Promise<void> } | undefined
  return {
    start: async () => {
      server = await serve()
    },
    stop: async () => {
      await server?.stop()
      server = undefined
    },
  }
}
