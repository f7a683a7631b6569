import { type Policy, type Store, type StoredPolicy, NbError, SerialQueue } from '@nb/contracts'
import { checkPolicy } from './check-policy.ts'

/** Policies at rest, each with its generation. */
export interface PolicyStore {
  get(name: string): Promise<StoredPolicy | undefined>
  all(): AsyncIterable<StoredPolicy>
  /** Checks and stores durably. Rejects with `argument-invalid`, `generation-conflict`. */
  put(policy: Policy, generation: number, changedAt: number): Promise<StoredPolicy>
  /** Rejects with `policy-unknown`. */
  remove(name: string): Promise<void>
}

/** Makes a policy store on a sublevel of `store`. */
export function createPolicyStore(store: Store): PolicyStore {
  const level = store.sublevel<string, StoredPolicy>('policies', { valueEncoding: 'json' })
  // One change at a time, so that a generation is checked and raised in one go.
  const changes = new SerialQueue()
  return {
    get: (name) => level.get(name),
    all: () => level.values(),
    put: (policy, generation, changedAt) =>
      changes.run(async () => {
        checkPolicy(policy)
        const present = (await level.get(policy.name))?.generation ?? 0
        if (present !== generation) {
          throw new NbError(
            'generation-conflict',
            `policy ${policy.name} is at generation ${present}, not ${generation}: read it again and repeat the change`,
            { details: { present, given: generation } },
          )
        }
        const stored = { ...policy, generation: present + 1, changedAt }
        await level.put(policy.name, stored, { sync: true } as object)
        return stored
      }),
    remove: (name) =>
      changes.run(async () => {
        if ((await level.get(name)) === undefined) throw unknownPolicy(name)
        await level.del(name, { sync: true } as object)
      }),
  }
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
