import createDebug from 'debug'

/** Debugging output for developers, by the `debug` library's rules. What an operator needs goes to the job log. */
export interface Logger {
  /** What happened, printf style (`%s`, `%d`, `%j`, `%o`). Secrets are never passed in. */
  (format: string, ...values: readonly unknown[]): void
  /** What went wrong. */
  readonly error: (format: string, ...values: readonly unknown[]) => void
  /** What happens all the time. */
  readonly trace: (format: string, ...values: readonly unknown[]) => void
}

/** A logger named `nb:<package>:<component>`, switched on with the environment variable `DEBUG=nb:*`. */
export function debugLogger(name: string): Logger {
  const debug = createDebug(name)
  return Object.assign((format: string, ...values: readonly unknown[]) => debug(format, ...values), {
    error: createDebug(`${name}:error`),
    trace: createDebug(`${name}:trace`),
  })
}
