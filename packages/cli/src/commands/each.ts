import { isAbortError } from '@nb/contracts'
import type { ExitCode } from '../exit-code.ts'
import { tellFailure } from '../failure.ts'
import type { Output } from '../output.ts'

/** Does the same for each that was named; those for which it fails are told, the others go on, and the worst gives the exit code. */
export async function forEach(
  names: readonly string[],
  output: Output,
  act: (name: string) => Promise<void>,
): Promise<ExitCode> {
  let exitCode: ExitCode = 0
  for (const name of names) {
    try {
      await act(name)
    } catch (error) {
      if (isAbortError(error)) throw error
      const told = tellFailure(error, output)
      if (told > exitCode) exitCode = told
    }
  }
  return exitCode
}

/** An option that a port takes, where it was given. */
export function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [Key in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [Key in Name]?: Value }
}
