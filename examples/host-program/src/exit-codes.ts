import type { NbError } from '@nb/contracts'

/** For the help of each program, and its service: 2 and 4 stay so until a person does something. */
export const exitCodes =
  'Exit codes: 0 ended by a signal · 1 it failed · 2 wrong usage · 4 its certificate is missing, refused, or not that of this name and role'

/** What a program ends with. */
export function exitCodeOf({ code }: NbError): 1 | 4 {
  return code === 'identity-invalid' ? 4 : 1
}
