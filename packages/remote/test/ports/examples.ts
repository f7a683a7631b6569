import { type BackupJobRequest, pathFromBytes, type Policy, toPath } from '@nb/contracts'

export const examplePolicy: Policy = {
  name: 'nightly',
  active: true,
  clients: ['web1', 'web2'],
  selections: [toPath('/srv'), pathFromBytes(Buffer.from([0x2f, 0xff, 0xc3, 0xa9]))],
  storage: { kind: 'any' },
  schedules: [{ name: 'full', type: 'full', frequencyMs: 86_400_000, windows: [], retentionLevel: 1 }],
}

export function exampleJob(requestId: string): BackupJobRequest {
  const schedule = examplePolicy.schedules[0]
  if (schedule === undefined) throw new Error('the example policy has a schedule')
  return {
    requestId,
    type: 'backup',
    origin: 'immediate',
    policy: examplePolicy,
    schedule,
    client: 'web1',
    limits: {},
    lines: [],
  }
}
