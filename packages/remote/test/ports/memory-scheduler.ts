import {
  defaultRetentionLevels,
  NbError,
  type PolicyRemoval,
  type Scheduler,
  type StoredPolicy,
  throwIfAborted,
} from '@nb/contracts'

/** Policies in memory: enough of a scheduler to keep its obligations about policies and generations. */
export function createMemoryScheduler(): Scheduler {
  const stored = new Map<string, StoredPolicy>()
  const removals = new Map<string, PolicyRemoval>()
  const retention = [...defaultRetentionLevels]
  const known = (name: string): StoredPolicy => {
    const policy = stored.get(name)
    if (policy === undefined)
      throw new NbError('policy-unknown', `there is no policy ${name}`, { details: { policy: name } })
    return policy
  }
  return {
    putPolicy: async ({ policy, generation = 0 }) => {
      const present = stored.get(policy.name)?.generation ?? 0
      if (generation !== present)
        throw new NbError('generation-conflict', `${policy.name} is at generation ${present}`, {
          details: { policy: policy.name, present, given: generation },
        })
      const last = removals.get(policy.name)?.generation ?? present
      const next = { ...policy, generation: last + 1, changedAt: 1_700_000_000_000 }
      removals.delete(policy.name)
      stored.set(policy.name, next)
      return next
    },
    getPolicy: async ({ name }) => stored.get(name),
    removePolicy: async ({ name }) => {
      const { generation } = known(name)
      stored.delete(name)
      removals.set(name, { name, generation, removedAt: 1_700_000_000_000 })
    },
    policyRemoval: async ({ name }) => removals.get(name),
    async *policies(_input, options) {
      for (const policy of stored.values()) {
        throwIfAborted(options)
        yield policy
      }
    },
    runNow: async ({ policy, client }) => {
      const { clients, active } = known(policy)
      if (!active) throw new NbError('policy-inactive', `${policy} is inactive`)
      return { jobIds: (client === undefined ? clients : [client]).map((name) => `${policy}-${name}`) }
    },
    runForUser: async ({ requestId, type, policy }) => {
      const found = [...stored.values()].find(
        ({ name, schedules }) =>
          (policy === undefined || name === policy) && schedules.some((schedule) => schedule.type === type),
      )
      if (found === undefined)
        throw new NbError('schedule-type-missing', `no active policy has a schedule of type ${type}`)
      return { jobId: requestId }
    },
    putRetentionLevel: async (level) => {
      if (level.level === 9 || level.level === 25)
        throw new NbError('argument-invalid', `level ${level.level} is fixed`)
      retention[level.level] = level
    },
    retentionLevels: async () => retention,
    async *preview({ policy, from, to }) {
      for (const { name, type, frequencyMs } of known(policy).schedules)
        for (let at = from; frequencyMs !== undefined && at < to; at += frequencyMs)
          yield {
            policy,
            client: 'web1',
            schedule: name,
            scheduleType: type,
            dueAt: at,
            startsAt: at,
            closesAt: at + 3_600_000,
          }
    },
    async *tasks(input) {
      for (const { name, clients } of stored.values())
        if (input.policy === undefined || input.policy === name)
          for (const client of clients) yield { policy: name, client, state: 'waiting' as const }
    },
  }
}
