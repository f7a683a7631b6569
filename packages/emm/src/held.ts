import type { Allocation, MediaNeed } from '@nb/contracts'

/** An allocation in force, with the request it answers. */
export interface Held {
  readonly allocation: Allocation
  readonly need: MediaNeed
  readonly flow?: 'backup' | 'restore'
}
