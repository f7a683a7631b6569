import { EventEmitter } from 'eventemitter3'
import type { Logger } from './logger.ts'

/** A map of events: the name (`noun:verb`) to its one payload of plain data. */
export type EventMap = object

/** What a component shows of its emitter: listeners observe, they never control. */
export interface Observable<Events extends EventMap> {
  /** Calls `listener` at each event of the name. */
  readonly on: <Name extends keyof Events & string>(
    name: Name,
    listener: (payload: Events[Name]) => void,
  ) => void
  /** Calls `listener` at the next event of the name only. */
  readonly once: <Name extends keyof Events & string>(
    name: Name,
    listener: (payload: Events[Name]) => void,
  ) => void
  /** Takes a listener away again, however it was added. */
  readonly off: <Name extends keyof Events & string>(
    name: Name,
    listener: (payload: Events[Name]) => void,
  ) => void
}

/** A component's private end of its events. */
export interface Emitter<Events extends EventMap> extends Observable<Events> {
  /** Tells all listeners. A listener that throws is logged; it stops neither the others nor the component. */
  readonly emit: <Name extends keyof Events & string>(name: Name, payload: Events[Name]) => void
}

/** An emitter on eventemitter3 whose listeners can't harm one another. Keep it private; expose it as {@link Observable}. */
export function createEmitter<Events extends EventMap>(log: Logger): Emitter<Events> {
  const inner = new EventEmitter()
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- only an identity to find the wrapper by
  const wrappers = new WeakMap<Function, (payload: unknown) => void>()
  const guard = (name: string, listener: (payload: never) => void): ((payload: unknown) => void) => {
    const known = wrappers.get(listener)
    if (known !== undefined) return known
    const guarded = (payload: unknown): void => {
      try {
        listener(payload as never)
      } catch (error) {
        log.error('a listener of %s threw: %o', name, error)
      }
    }
    wrappers.set(listener, guarded)
    return guarded
  }
  return {
    on: (name, listener) => void inner.on(name, guard(name, listener)),
    once: (name, listener) => void inner.once(name, guard(name, listener)),
    off: (name, listener) => void inner.off(name, guard(name, listener)),
    emit: (name, payload) => void inner.emit(name, payload),
  }
}
