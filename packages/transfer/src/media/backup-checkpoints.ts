import {
  type BackupCheckpoint,
  type BackupSessionSpec,
  type ImageCopy,
  NbError,
  type ReaderCheckpoint,
  asNbError,
  counted,
} from '@nb/contracts'
import type { BackupCopies } from './backup-copies.ts'
import type { BlockRing } from './block-ring.ts'
import type { ClientRun } from './client-run.ts'
import type { ListProgress } from './metadata-relay.ts'
import { ProgressMark } from './progress-mark.ts'
import type { Session } from './session.ts'

/**
 * Takes the checkpoints of a backup while its reader stands still: everything sent is brought to the medium and ends a
 * fragment there, the catalog makes the list durable, the job manager notes the checkpoint, and the reader goes on.
 */
export class BackupCheckpoints {
  readonly #session: Session
  readonly #spec: BackupSessionSpec
  readonly #ring: BlockRing
  /** Stream bytes that are in the ring, and on the medium. */
  readonly #received: ProgressMark
  readonly #written: ProgressMark
  readonly #list: ProgressMark
  #number: number
  /** By the number of the copy. */
  #keptFragments: ReadonlyMap<number, number>
  #listProgress: ListProgress | undefined
  /** Reaches 1 when there is a medium: of an incremental much may be listed, and nothing sent, before that. */
  readonly #medium = new ProgressMark(0)
  #row: BackupCopies | undefined
  #flush: () => void = () => undefined

  constructor(session: Session, spec: BackupSessionSpec, ring: BlockRing) {
    const { resumeFrom } = spec
    this.#session = session
    this.#spec = spec
    this.#ring = ring
    this.#received = new ProgressMark(resumeFrom?.streamBytes ?? 0)
    this.#written = new ProgressMark(resumeFrom?.streamBytes ?? 0)
    this.#list = new ProgressMark(0)
    this.#number = resumeFrom?.number ?? 0
    this.#keptFragments = fragmentsOf(resumeFrom?.copies ?? [])
  }

  /**
   * How many fragments of a copy must stay when the session fails: those before the last checkpoint that the job manager was told of,
   * whether or not its answer came back.
   */
  keptFragments(copy: number): number {
    return this.#keptFragments.get(copy) ?? 0
  }

  /** How much of the stream is on the medium. */
  get writtenBytes(): number {
    return this.#written.at
  }

  /** Where fragments are written, once the medium is there. */
  writesTo(row: BackupCopies): void {
    this.#row = row
    this.#medium.reach(1)
  }

  /** The child has put so many bytes more into the ring; `flush` passes on a block that is not full. */
  onReceived(bytes: number, flush: () => void): void {
    this.#flush = flush
    this.#received.reach(this.#received.at + bytes)
  }

  /** The parent has written up to here. */
  onWritten(streamBytes: number): void {
    this.#written.reach(streamBytes)
  }

  /** The list has been passed on to the catalog up to here. */
  onList(progress: ListProgress): void {
    this.#listProgress = progress
    this.#list.reach(progress.bytes)
  }

  /** Gives what is kept of the list to the medium, where that can be; waits for the medium where it is not there yet. */
  async relieve(): Promise<void> {
    await this.#medium.reached(1, this.#session.signal)
    await this.#row?.relieve()
  }

  /** Takes each checkpoint that the reader reaches, until its run ends. */
  async follow({ client, runId }: ClientRun): Promise<void> {
    const { signal, silence } = this.#session
    for await (const reached of client.checkpoints({ runId }, { signal })) {
      await this.#arrived(reached)
      await silence.forOthers(this.#take(reached))
      await silence.forClient(client.goOn({ runId, entries: reached.fileList.entries }, { signal }), 41)
    }
  }

  /** Waits until all that the reader has sent is written and passed on. */
  async #arrived({ streamBytes, fileList }: ReaderCheckpoint): Promise<void> {
    const { signal } = this.#session
    await this.#received.reached(streamBytes, signal)
    this.#flush()
    await this.#written.reached(streamBytes, signal)
    await this.#list.reached(fileList.bytes, signal)
    const list = this.#listProgress
    const same =
      this.#received.at === streamBytes && list?.bytes === fileList.bytes && list.entries === fileList.entries
    if (same) return
    throw new NbError(
      'image-inconsistent',
      `The client stands at a checkpoint of ${streamBytes} bytes and ${fileList.entries} entries in ${fileList.bytes} bytes; ${this.#received.at} bytes and ${list?.entries ?? 0} entries in ${list?.bytes ?? 0} bytes came.`,
    )
  }

  async #take({ streamBytes, fileList, counts, position }: ReaderCheckpoint): Promise<void> {
    const { host, signal, info } = this.#session
    await this.#medium.reached(1, signal)
    const row = this.#row
    if (row === undefined) throw new TypeError('there is a medium and no row of fragments')
    // The parent waits for data that the checkpoint holds back.
    this.#ring.excuseWait()
    const copies = await row.cut()
    await host.catalog.syncFileList({ backupId: this.#spec.image.backupId, totals: fileList }, { signal })
    this.#number += 1
    const checkpoint: BackupCheckpoint = {
      number: this.#number,
      takenAt: host.clock.now(),
      streamBytes,
      fileList,
      counts,
      copies,
      position,
    }
    // Before the call: it may be noted although the answer is lost.
    this.#keptFragments = fragmentsOf(copies)
    const failure = await this.#tell(checkpoint)
    const place = `checkpoint ${this.#number} at ${counted(counts.entries, 'file')}, ${streamBytes} bytes`
    const fragment = `fragment ${copies[0]?.fragments.length ?? 0} ends there`
    await this.#session.note({
      component: 'media-writer',
      severity: failure === undefined ? 'info' : 'warning',
      text:
        failure === undefined
          ? `${place}; ${fragment}`
          : `${place} could not be noted; the backup goes on without it: ${failure.message}`,
      data: { checkpoint: this.#number, jobId: info.jobId },
    })
  }

  /** A backup is worth more than a checkpoint: one that could not be noted is followed by the next. */
  async #tell(checkpoint: BackupCheckpoint): Promise<NbError | undefined> {
    const { host, signal, info } = this.#session
    const { sessionId, jobId } = info
    try {
      await host.jobs.checkpoint({ sessionId, jobId, checkpoint }, { signal })
      return undefined
    } catch (error) {
      const failure = asNbError(error)
      if (signal.aborted || failure.code === 'session-unknown') throw failure
      return failure
    }
  }
}

function fragmentsOf(copies: readonly ImageCopy[]): ReadonlyMap<number, number> {
  return new Map(copies.map(({ copy, fragments }) => [copy, fragments.length]))
}
