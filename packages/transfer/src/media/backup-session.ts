import {
  type BackupCheckpoint,
  type BackupRunSpec,
  type Catalog,
  type ChannelListener,
  type BackupSessionSpec,
  type DataChannel,
  type FileListTotals,
  NbError,
  type ReaderCheckpoint,
  type RunResult,
  type SessionReport,
  asNbError,
  counted,
} from '@nb/contracts'
import type { BlockRing } from './block-ring.ts'
import { BackupCopies, type MissingCopy } from './backup-copies.ts'
import { BackupCheckpoints } from './backup-checkpoints.ts'
import { type ClientRun, acceptClient, startRun } from './client-run.ts'
import { KeptFileList } from './kept-file-list.ts'
import { compressedFlow, plainFlow, receiveBlocks, writeBlocks } from './media-writer.ts'
import { relayFileList } from './metadata-relay.ts'
import { ProgressSender } from './progress-sender.ts'
import type { Session } from './session.ts'
import { givenUp } from './space-reporter.ts'
import { noResume } from './resume.ts'
import { clockTime, compressionOf, rateOf, waitsOf } from './wording.ts'

/** What a backup session adds to its report. */
export type BackupOutcome = Pick<SessionReport, 'warnings' | 'written' | 'status'> & {
  /** Where it tells more than the status. */
  readonly statusText?: string
}

/** What a session has taken hold of, to let go of at its end. */
interface Held {
  readonly listeners: ChannelListener[]
  run?: ClientRun
  readonly copies: BackupCopies
  progress?: ProgressSender
  stopWatching?: () => void
  /** Says what stays on the medium when the session fails. */
  readonly checkpoints: BackupCheckpoints
}

/** Steps 8–13 of a backup. Rejects with the failure of the session; what lies before the last checkpoint is left then. */
export async function runBackup(
  session: Session,
  spec: BackupSessionSpec,
  ring: BlockRing,
): Promise<BackupOutcome> {
  const checkpoints = new BackupCheckpoints(session, spec, ring)
  const held: Held = { listeners: [], checkpoints, copies: new BackupCopies(session, spec) }
  session.signal.addEventListener('abort', () => ring.abort(session.signal.reason as Error), { once: true })
  try {
    return await backup(session, spec, ring, held)
  } catch (error) {
    const { status, details } = session.fail(error)
    const { storageUnit } = details
    // Before anything is removed: more than what was free when no more could be written has to be seen there.
    if (status === 129 && typeof storageUnit === 'string') {
      await session.host.tellSpace({ storageUnit, full: true, ...givenUp(details) })
      await held.progress?.finishFull(checkpoints.writtenBytes)
    }
    throw await undo(session, held)
  } finally {
    // Before the job manager hears of the end: what it gives back then is given anew by the room there is.
    for (const storageUnit of held.copies.storageUnits) await session.host.tellSpace({ storageUnit })
    held.progress?.stop()
    held.stopWatching?.()
    session.silence.stop()
    for (const listener of held.listeners) await listener.close()
  }
}

async function backup(
  session: Session,
  spec: BackupSessionSpec,
  ring: BlockRing,
  held: Held,
): Promise<BackupOutcome> {
  const { host, signal } = session
  const { image, resumeFrom } = spec
  const { checkpoints, copies } = held
  const kept = new KeptFileList()
  if (resumeFrom !== undefined) {
    const { number, counts, streamBytes } = resumeFrom
    await session.note({
      component: 'media-session',
      text: `resuming from checkpoint ${number}: ${counted(counts.entries, 'file')}, ${streamBytes} bytes are there`,
    })
  }

  // 8  The reader is started on the client, the media writer here.
  const reader = await startReader(session, spec, held)
  const { run } = reader
  await session.note({
    step: 8,
    component: 'media-session',
    text: `reader ${run.runId} is started on client ${image.client}, the media writer on ${host.name}`,
  })
  const progress = (held.progress = new ProgressSender(session, ring))
  session.task(progress.follow(run.client, run.runId)).catch(() => undefined)

  // 11  File metadata flows all through the backup, from here on beside everything else.
  const fileList = session.task(relay(session, spec, reader, kept, checkpoints))
  const following =
    spec.checkpointIntervalMs === undefined ? undefined : session.task(checkpoints.follow(run))

  // 9  The media writer asks for its media and is granted it.
  const allocation = await session.requestMedia(spec.need)
  const granted = [allocation, ...(allocation.further ?? [])].map(
    ({ storageUnit, medium }) => `${medium.kind} storage unit ${storageUnit}`,
  )
  await session.note({
    step: 9,
    component: 'media-writer',
    text: `asked for media and was granted ${granted.join(' and ')}`,
    data: { allocationId: allocation.allocationId },
  })

  // 10  The medium is mounted, the child is started.
  copies.take(allocation)
  const mountedAt = host.clock.now()
  await session.note({ component: 'media-writer', text: `mounting ${copies.places}` })
  await copies.mount()
  const place = copies.places
  await session.note({
    step: 10,
    component: 'media-writer',
    text: `mounted ${place}; mount time: ${clockTime(host.clock.now() - mountedAt)}; the child is started with ${ring.blocks} blocks of ${ring.blockBytes} bytes`,
  })
  copies.begin(kept)
  const next = `fragment ${copies.fragments + 1}, byte ${copies.streamBytes} of the stream`
  await session.note({ component: 'media-writer', text: `positioning ${place} to ${next}` })
  const positionedAt = host.clock.now()
  await copies.position()
  await session.note({
    component: 'media-writer',
    text: `positioned ${place}; position time: ${clockTime(host.clock.now() - positionedAt)}`,
  })

  // 12  Data flows: client, child, blocks in memory, parent, medium.
  const startedAt = host.clock.now()
  await session.note({ step: 12, component: 'media-writer', text: 'begin writing' })
  checkpoints.writesTo(copies)
  held.stopWatching = copies.watchSharedVolumes()
  const flow = image.compression === undefined ? plainFlow : compressedFlow()
  const child = session.task(receiveBlocks(session, await reader.data, ring, checkpoints, flow))
  const parent = session.task(writeBlocks(ring, copies, checkpoints, flow))
  await Promise.all([child, parent])

  // 13  End of the data: everything is made durable, then the session reports.
  const totals = await session.silence.forClient(fileList, 76)
  const result = await session.silence.forClient(run.result, 41)
  if (following !== undefined) await session.silence.forClient(following, 41)
  const counts = checkTold(result, totals, copies)
  held.stopWatching()
  // The list on its disk and the data on theirs: neither waits for the other.
  const sealed = session.task(host.catalog.sealFileList({ backupId: image.backupId, totals }, { signal }))
  const written = await copies.finish(counts)
  const writtenMs = host.clock.now() - startedAt
  const newBytes = copies.streamBytes - (resumeFrom?.streamBytes ?? 0)
  await session.note({
    component: 'media-writer',
    text: `end writing; write time: ${clockTime(writtenMs)}; ${counted(copies.fragments, 'fragment')}, ${rateOf(newBytes, writtenMs)}`,
  })
  const ratio = compressionOf(image.compression, written[0])
  if (ratio !== undefined) await session.note({ component: 'media-writer', text: ratio })
  await session.note({
    component: 'media-writer',
    text: waitsOf(ring),
    data: { waitedForFullBuffer: ring.waitedForFull, waitedForEmptyBuffer: ring.waitedForEmpty },
  })
  await sealed
  signal.throwIfAborted()
  await copies.unmount()
  await progress.finish(counts.entries, counts.bytes)
  const { missing } = copies
  return {
    status: missing.length > 0 ? 1 : result.status,
    warnings: result.warnings + missing.length,
    written: { counts, fileList: totals, copies: written },
    ...(missing.length === 0 ? {} : { statusText: missing.map(describeMissing).join('; ') }),
  }
}

function describeMissing({ copy, storageUnit, reason }: MissingCopy): string {
  const where = storageUnit === undefined ? '' : ` on storage unit ${storageUnit}`
  return `copy ${copy}${where} is missing: ${reason}`
}

/** The reader and its channels, which it opens in its own time. */
interface Reader {
  readonly run: ClientRun
  readonly data: Promise<DataChannel>
  readonly metadata: Promise<DataChannel>
  readonly catalog: DataChannel
}

async function startReader(session: Session, spec: BackupSessionSpec, held: Held): Promise<Reader> {
  const { host, signal, info } = session
  const { image, resumeFrom, checkpointIntervalMs } = spec
  const client = host.clientOf(image.client)
  const { ticket } = await catalogTicket(session, spec)
  const catalog = await host.channels.connect({ ticket }, { signal })
  signal.addEventListener('abort', () => catalog.abort(session.fail(signal.reason).message), { once: true })
  const timeoutMs = host.clientTimeoutMs
  const data = await host.channels.listen({ timeoutMs, peer: image.client })
  held.listeners.push(data)
  const metadata = await host.channels.listen({ timeoutMs, peer: image.client })
  held.listeners.push(metadata)
  const reference = await referenceOf(session, spec)
  const start: BackupRunSpec = {
    jobId: info.jobId,
    backupId: image.backupId,
    names: { policy: image.policy, schedule: image.schedule, scheduleType: image.scheduleType },
    walk: spec.walk,
    data: data.ticket,
    metadata: metadata.ticket,
    ...(reference === undefined ? {} : { reference }),
    ...(image.compression === undefined ? {} : { compression: image.compression }),
    ...(image.digest === undefined ? {} : { digest: image.digest }),
    ...(checkpointIntervalMs === undefined ? {} : { checkpointIntervalMs }),
    ...(resumeFrom === undefined ? {} : { resumeFrom: readerPartOf(resumeFrom) }),
  }
  const connectedAt = host.clock.now()
  await session.note({ component: 'media-session', text: `connecting to client ${image.client}` })
  const run = await startRun(session, client, () => client.startBackup(start, { signal }))
  held.run = run
  await session.note({
    component: 'media-session',
    text: `connected to client ${image.client}; connect time: ${clockTime(host.clock.now() - connectedAt)}`,
  })
  return {
    run,
    catalog,
    data: session.task(acceptClient(session, data)),
    metadata: session.task(acceptClient(session, metadata)),
  }
}

/** The catalog's channel. A list that can't go on there makes a checkpoint useless. */
async function catalogTicket(
  { host, signal }: Session,
  { image: { backupId }, resumeFrom }: BackupSessionSpec,
): ReturnType<Catalog['appendFileList']> {
  const list = { backupId, peer: host.name }
  if (resumeFrom === undefined) return host.catalog.appendFileList(list, { signal })
  try {
    return await host.catalog.appendFileList({ ...list, after: resumeFrom.fileList }, { signal })
  } catch (error) {
    const failure = asNbError(error)
    throw failure.code === 'file-list-corrupt' ? noResume(failure) : failure
  }
}

function readerPartOf({ streamBytes, fileList, counts, position }: BackupCheckpoint): ReaderCheckpoint {
  return { streamBytes, fileList, counts, position }
}

/** For an incremental: the list to compare with, which goes from the catalog to the client. */
async function referenceOf(
  session: Session,
  { image }: BackupSessionSpec,
): Promise<BackupRunSpec['reference']> {
  if (image.referenceId === undefined) return undefined
  const { host, signal } = session
  const query = { client: image.client, backupId: image.referenceId, peer: image.client }
  const { ticket } = await host.catalog.readFileList(query, { signal })
  return { backupId: image.referenceId, ticket }
}

async function relay(
  session: Session,
  { resumeFrom }: BackupSessionSpec,
  reader: Reader,
  kept: KeptFileList,
  checkpoints: BackupCheckpoints,
): Promise<FileListTotals> {
  const { silence } = session
  const client = await reader.metadata
  await session.note({
    step: 11,
    component: 'media-session',
    text: 'file metadata flows from the client to the catalog',
  })
  const totals = await relayFileList({
    client,
    catalog: {
      write: (chunk) => silence.forOthers(reader.catalog.write(chunk).catch(listBroken)),
      end: () => reader.catalog.end().catch(listBroken),
    },
    kept,
    ...(resumeFrom === undefined ? {} : { after: resumeFrom.fileList }),
    onActivity: () => silence.touch(),
    onPassed: (progress) => {
      checkpoints.onList(progress)
      // No more is kept in memory than the medium takes.
      const isMuch = kept.bytes >= session.host.mostFileListBytes
      return isMuch ? silence.forOthers(checkpoints.relieve()) : undefined
    },
  })
  await session.note({
    component: 'media-session',
    text: `the file list is complete: ${counted(totals.entries, 'entry', 'entries')} in ${counted(totals.batches, 'batch', 'batches')}, ${totals.bytes} bytes`,
  })
  return totals
}

/** Which of a session's channels broke is not to be guessed. */
function listBroken(error: unknown): never {
  const { code, message, details } = asNbError(error)
  if (code !== 'channel-broken') throw error
  throw new NbError(code, `The file list can't go to the catalog: ${message}`, { details, cause: error })
}

/** What the client says it sent must be what came. */
function checkTold(
  result: RunResult,
  totals: FileListTotals,
  row: Pick<BackupCopies, 'atBoundary' | 'streamBytes'>,
): NonNullable<RunResult['sent']>['counts'] {
  const { sent } = result
  if (!row.atBoundary)
    throw new NbError(
      'archive-corrupt',
      `The client's stream ends inside a member, at byte ${row.streamBytes}.`,
    )
  const same =
    sent !== undefined &&
    sent.counts.streamBytes === row.streamBytes &&
    sent.fileList.bytes === totals.bytes &&
    sent.fileList.entries === totals.entries
  if (same) return sent.counts
  const told =
    sent === undefined
      ? 'nothing'
      : `${sent.counts.streamBytes} bytes and a list of ${sent.fileList.entries} entries in ${sent.fileList.bytes} bytes`
  throw new NbError(
    'image-inconsistent',
    `The client says it sent ${told}; ${row.streamBytes} bytes and ${totals.entries} entries in ${totals.bytes} bytes came.`,
  )
}

/** After a failure: client, channels and media are let go, and what lies behind the last checkpoint leaves the media. */
async function undo(session: Session, held: Held): Promise<NbError> {
  const failure = (await held.run?.abort()) ?? session.fail(undefined)
  await session.settled()
  await held.copies.undo((copy) => held.checkpoints.keptFragments(copy))
  return failure
}
