import type { InputOf } from '../contracts/port-contract.ts'
import type { AccessRule } from './rules.ts'

/** A rule for each method of a port: one that has none does not compile. */
export type PortRules<Port> = {
  readonly [Method in keyof Port]: AccessRule<InputOf<Port, Method>>
}
