import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatTime } from '../units.ts'

/** Options of `nb orphans`. */
export interface OrphansOptions extends CallOptions {
  /** Give back what only one side knows. @default false */
  readonly repair?: boolean
}

interface Orphan {
  readonly what: 'allocation' | 'lease'
  readonly id: string
  readonly jobId: string
  readonly storageUnit: string
  readonly since: number
}

/** `nb orphans`: resources that the broker or the media manager holds and the other does not know of. */
export async function orphansCommand(
  { broker }: Pick<Ports, 'broker'>,
  { repair = false, ...call }: OrphansOptions,
  output: Output,
): Promise<ExitCode> {
  const report = await broker.reconcile({ repair }, call)
  if (output.json) {
    await output.value(report)
    return 0
  }
  const orphans: Orphan[] = [
    ...report.orphanedAllocations.map(({ allocationId, jobId, storageUnit, since }) => {
      return { what: 'allocation', id: allocationId, jobId, storageUnit, since } as const
    }),
    ...report.orphanedLeases.map(({ leaseId, allocation: { jobId, storageUnit, since } }) => {
      return { what: 'lease', id: leaseId, jobId, storageUnit, since } as const
    }),
  ]
  if (orphans.length === 0) {
    output.note('no orphans: broker and media manager agree')
    return 0
  }
  await output.table(orphans, [
    { title: 'ORPHAN', value: (orphan) => orphan.what },
    { title: 'JOB', value: (orphan) => orphan.jobId, align: 'right' },
    { title: 'STORAGE UNIT', value: (orphan) => orphan.storageUnit, shrinks: true },
    { title: 'SINCE', value: (orphan) => formatTime(orphan.since) },
    { title: 'ID', value: (orphan) => orphan.id, shrinks: true },
  ])
  output.note(report.repaired ? 'given back' : 'nb orphans --repair gives them back')
  return 0
}
