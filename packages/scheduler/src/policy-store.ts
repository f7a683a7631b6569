import {
  type Policy,
  type PolicyRemoval,
  type Store,
  type StoredPolicy,
  NbError,
  SerialQueue,
} from '@nb/contracts'
import { checkPolicy } from './check-policy.ts'

/**
 * Policies at rest, each with its generation. A removed policy leaves its last generation behind, less than 400 bytes, until
 * there is a policy of its name again; of names that are never used again they stay.
 */
export interface PolicyStore {
  get(name: string): Promise<StoredPolicy | undefined>
  all(): AsyncIterable<StoredPolicy>
  /** The last removal of this name, while there is no policy of it. */
  removal(name: string): Promise<PolicyRemoval | undefined>
  /** Checks and stores durably. Rejects with `argument-invalid`, `generation-conflict`. */
  put(policy: Policy, generation: number, changedAt: number): Promise<StoredPolicy>
  /** Rejects with `policy-unknown`. */
  remove(name: string, removedAt: number): Promise<void>
}

/** Makes a policy store on sublevels of `store`. */
export function createPolicyStore(store: Store): PolicyStore {
  const level = store.sublevel<string, StoredPolicy>('policies', { valueEncoding: 'json' })
  const removals = store.sublevel<string, PolicyRemoval>('policy-removals', { valueEncoding: 'json' })
  // One change at a time, so that a generation is checked and raised in one go.
  const changes = new SerialQueue()
  return {
    get: (name) => level.get(name),
    all: () => level.values(),
    removal: (name) => removals.get(name),
    put: (policy, generation, changedAt) =>
      changes.run(async () => {
        checkPolicy(policy)
        const { name } = policy
        const [before, removal] = [await level.get(name), await removals.get(name)]
        const present = before?.generation ?? 0
        if (present !== generation) throw conflict({ name, present, given: generation, removal })
        const stored = { ...policy, generation: (removal?.generation ?? present) + 1, changedAt }
        const put = { type: 'put', sublevel: level, key: name, value: stored } as const
        // One batch: a crash leaves either the removal or the policy, and so the generation.
        await (removal === undefined
          ? level.put(name, stored, { sync: true } as object)
          : store.batch([put, { type: 'del', sublevel: removals, key: name }], { sync: true } as object))
        return stored
      }),
    remove: (name, removedAt) =>
      changes.run(async () => {
        const before = await level.get(name)
        if (before === undefined) throw unknownPolicy(name)
        const removal: PolicyRemoval = { name, generation: before.generation, removedAt }
        await store.batch(
          [
            { type: 'del', sublevel: level, key: name },
            { type: 'put', sublevel: removals, key: name, value: removal },
          ],
          { sync: true } as object,
        )
      }),
  }
}

function conflict({
  name,
  present,
  given,
  removal,
}: {
  readonly name: string
  readonly present: number
  readonly given: number
  readonly removal: PolicyRemoval | undefined
}): NbError {
  const state =
    present > 0
      ? `is at generation ${present}, not ${given}`
      : removal === undefined
        ? `does not exist, so that there is no generation ${given} of it`
        : `was removed at generation ${removal.generation}`
  return new NbError('generation-conflict', `policy ${name} ${state}: read it again and repeat the change`, {
    details: { policy: name, present, given },
  })
}

/** The error for a policy that is not there. */
export function unknownPolicy(name: string): NbError {
  return new NbError(
    'policy-unknown',
    `there is no policy "${name}"; list the policies and correct the name`,
    {
      details: { policy: name },
    },
  )
}
