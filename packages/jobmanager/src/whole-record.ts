import type { JobRecord } from './job-record.ts'

/** All fields of a record, those too that its job has not. */
type WholeRecord = { readonly [Field in keyof Required<JobRecord>]: JobRecord[Field] }

/**
 * A record with all its fields in the one order that all records have. The engine copies objects of one shape like
 * structs; from a shape that grew field by field each copy takes fifty times as long. A job is copied a dozen times in
 * its life, so changes set fields to `undefined` and never take them out.
 */
export function wholeRecord(record: JobRecord): JobRecord {
  const whole: WholeRecord = {
    version: record.version,
    id: record.id,
    requestId: record.requestId,
    phase: record.phase,
    type: record.type,
    origin: record.origin,
    client: record.client,
    priority: record.priority,
    submittedAt: record.submittedAt,
    policy: record.policy,
    schedule: record.schedule,
    scheduleType: record.scheduleType,
    stream: record.stream,
    parentId: record.parentId,
    children: record.children,
    childEnds: record.childEnds,
    work: record.work,
    retry: record.retry,
    windowClosesAt: record.windowClosesAt,
    attempt: record.attempt,
    tries: record.tries,
    queueings: record.queueings,
    checkpoint: record.checkpoint,
    resumedFrom: record.resumedFrom,
    suspend: record.suspend,
    rest: record.rest,
    activeAt: record.activeAt,
    endedAt: record.endedAt,
    held: record.held,
    heldFor: record.heldFor,
    mediaRequests: record.mediaRequests,
    sessionHoldings: record.sessionHoldings,
    backupId: record.backupId,
    session: record.session,
    mediaServer: record.mediaServer,
    storageUnit: record.storageUnit,
    cancel: record.cancel,
    ending: record.ending,
    progress: record.progress,
    operation: record.operation,
    backup: record.backup,
    selections: record.selections,
    streamSet: record.streamSet,
    retentionMs: record.retentionMs,
    copyRetentionMs: record.copyRetentionMs,
  }
  return whole
}
