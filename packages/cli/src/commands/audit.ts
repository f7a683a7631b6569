import type { AuditFilter, AuditRecord, CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import type { Column } from '../table.ts'
import { formatTime } from '../units.ts'

/** What `nb audit` lists. */
export interface AuditRequest extends AuditFilter {
  /** Goes on with what comes, until it is interrupted. */
  readonly follow?: boolean
}

/** `nb audit`: who has changed what, and who was not allowed to, the newest first. */
export async function auditCommand(
  { audit }: Pick<Ports, 'audit'>,
  { follow = false, ...filter }: AuditRequest,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  if (follow || output.json) {
    for await (const record of follow ? audit.watch(filter, call) : audit.list(filter, call)) {
      if (output.json) await output.value(record)
      else await output.line(columns.map(({ value }) => value(record)).join('  '))
    }
    return 0
  }
  const records: AuditRecord[] = []
  for await (const record of audit.list(filter, call)) records.push(record)
  await output.table(records, columns)
  return 0
}

const columns: readonly Column<AuditRecord>[] = [
  { title: 'TIME', value: ({ time }) => formatTime(time) },
  { title: 'WHO', value: ({ caller }) => caller.name ?? 'nobody' },
  { title: 'ROLES', spare: 1, value: ({ caller }) => caller.roles.join(', ') },
  { title: 'FROM', spare: 2, value: ({ caller }) => caller.address ?? 'this host' },
  { title: 'CALL', value: ({ call }) => call },
  { title: 'ABOUT', value: ({ subject }) => subject, shrinks: true },
  {
    title: 'OUTCOME',
    value: ({ outcome, error }) => (error === undefined ? outcome : `${outcome}: ${error.code}`),
  },
]
