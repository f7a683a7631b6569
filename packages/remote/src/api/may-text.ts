import { roles } from '../identity/names.ts'
import type { AccessRule } from '../access/rules.ts'

/** The rule of any method, whatever its argument. */
export type AnyRule = Pick<AccessRule<never>, 'effect' | 'may'>

const effects = {
  reads: 'Changes nothing.',
  changes: 'Is in the audit log.',
  reports: 'Hosts tell one another so in the course of a job.',
} as const

/** Who may make a call, in words: those who may on anything, those who may on what they have a claim to. */
export function mayText({ effect, may }: AnyRule): string {
  const callers = [...roles, 'anyone'] as const
  const on = (isWanted: (scope: unknown) => boolean): string =>
    callers.filter((who) => may[who] !== undefined && isWanted(may[who])).join(', ')
  const everywhere = on((scope) => scope === 'any')
  const partly = on((scope) => scope !== 'any')
  const sentences = [
    ...(everywhere === '' ? [] : [`May be called by ${everywhere}.`]),
    ...(partly === '' ? [] : [`On what is theirs also by ${partly}.`]),
    ...(typeof effect === 'string' ? [effects[effect]] : []),
  ]
  return sentences.join(' ')
}
