import {
  type CallOptions,
  displayPath,
  type PolicyClientTask,
  type StoredPolicy,
  toPath,
} from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatTime } from '../units.ts'
import { storageText } from './policy-show.ts'

/** `nb policies`: the policies, and when each runs next. */
export async function policiesCommand(
  { scheduler }: Pick<Ports, 'scheduler'>,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const policies: StoredPolicy[] = []
  for await (const policy of scheduler.policies({}, call)) policies.push(policy)
  if (output.json) {
    for (const policy of policies) await output.value(policy)
    return 0
  }
  if (policies.length === 0) {
    output.note('no policies')
    return 0
  }
  const next = await nextRuns({ scheduler }, call)
  await output.table(policies, [
    { title: 'POLICY', value: (policy) => policy.name, shrinks: true },
    { title: 'ACTIVE', value: (policy) => (policy.active ? 'yes' : 'no') },
    { title: 'CLIENTS', value: (policy) => policy.clients.join(' '), shrinks: true },
    { title: 'SELECTIONS', spare: 1, value: selections, shrinks: true },
    { title: 'STORAGE', value: (policy) => storageText(policy.storage), shrinks: true },
    {
      title: 'SCHEDULES',
      spare: 2,
      value: (policy) => policy.schedules.map(({ name }) => name).join(' '),
      shrinks: true,
    },
    { title: 'NEXT START', value: (policy) => next.get(policy.name) },
  ])
  return 0
}

async function nextRuns(
  { scheduler }: Pick<Ports, 'scheduler'>,
  call: CallOptions,
): Promise<ReadonlyMap<string, string>> {
  const soonest = new Map<string, number>()
  const running = new Set<string>()
  for await (const task of scheduler.tasks({}, call)) note(task)
  return new Map([
    ...[...soonest].map(([policy, at]) => [policy, formatTime(at)] as const),
    ...[...running].map((policy) => [policy, 'under way'] as const),
  ])

  function note({ policy, state, next }: PolicyClientTask): void {
    if (state === 'running') running.add(policy)
    if (next !== undefined)
      soonest.set(policy, Math.min(next.startsAt, soonest.get(policy) ?? Number.POSITIVE_INFINITY))
  }
}

function selections(policy: StoredPolicy): string {
  return policy.selections.map((one) => displayPath(toPath(one))).join(' ')
}
