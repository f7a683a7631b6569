import {
  type BackupRunSpec,
  type ClientAgent,
  type DataChannel,
  type DataChannels,
  type ReaderCheckpoint,
  NbError,
  type RemovalCounts,
  type RemovalRunSpec,
  type RestoreRunSpec,
  type RunProgress,
  type RunResult,
  readChannel,
  toErrorRecord,
} from '@nb/contracts'
import { decodeFileListHeader } from '@nb/formats'
import { type RangeFrame, RangeSplitter } from '../../src/range-frame.ts'
import type { MadeImage } from './made-image.ts'

/** What a scripted client does when it is asked to back up or restore. */
export interface ClientScript {
  /** What it sends. */
  readonly image?: MadeImage
  /** Bytes a write carries. @default 100000 */
  readonly chunkBytes?: number
  /** Fails with this error after so many bytes of the stream, and breaks its channels. */
  readonly failAfter?: { readonly bytes: number; readonly error: NbError }
  /** Sends so many bytes of the stream, then nothing more. */
  readonly silentAfter?: number
  /** Called before each chunk of a backup is sent. */
  readonly beforeWrite?: () => Promise<void>
  /** Does not even take the call. */
  readonly unreachable?: NbError
  /** What it says in the end, where that is not the truth. */
  readonly tells?: Partial<RunResult>
  /** How long a script of the client runs by now, told as it comes. */
  readonly scriptSigns?: AsyncIterable<number>
  /** What a removal says it did. */
  readonly removed?: RemovalCounts
  /** Called before each chunk of a restore is taken. */
  readonly beforeRead?: () => Promise<void>
}

/** A run of stream bytes that a restore delivered. */
export interface DeliveredRange extends RangeFrame {
  readonly content: Buffer
}

interface Run {
  readonly result: Promise<RunResult>
  readonly channels: DataChannel[]
  progress: RunProgress
  ended: boolean
  aborted?: string
  /** Where it has stood still. */
  readonly reached: ReaderCheckpoint[]
  passedEntries: number
  /** Someone waits for the next one. */
  wake?: () => void
  /** It stands still. */
  goOn?: () => void
}

/** A client agent without files: it sends a made image, and keeps what a restore brings. */
export class ScriptedClient implements ClientAgent {
  script: ClientScript = {}
  readonly delivered: DeliveredRange[] = []
  readonly backups: BackupRunSpec[] = []
  readonly restores: RestoreRunSpec[] = []
  readonly removals: RemovalRunSpec[] = []
  /** The list that the last removal was given. */
  removalList: Buffer | undefined
  /** Stream bytes that writes have taken. */
  sentBytes = 0
  readonly #channels: DataChannels
  readonly #runs = new Map<string, Run>()

  constructor(channels: DataChannels) {
    this.#channels = channels
  }

  /** Why each run was aborted that was. */
  get aborts(): readonly string[] {
    return [...this.#runs.values()].flatMap(({ aborted }) => (aborted === undefined ? [] : [aborted]))
  }

  /** Runs that have not ended. */
  get living(): number {
    return [...this.#runs.values()].filter(({ ended }) => !ended).length
  }

  startBackup: ClientAgent['startBackup'] = async (spec) => {
    if (this.script.unreachable !== undefined) throw this.script.unreachable
    this.backups.push(spec)
    const { script } = this
    return this.#start((run) => this.#backup(run, spec, script))
  }

  async startRestore(spec: RestoreRunSpec): Promise<{ readonly runId: string }> {
    if (this.script.unreachable !== undefined) throw this.script.unreachable
    this.restores.push(spec)
    return this.#start((run) => this.#restore(run, spec))
  }

  async fileSystems(): Promise<never> {
    throw new NbError('not-supported', 'a scripted client has no file systems')
  }

  async startRemoval(spec: RemovalRunSpec): Promise<{ readonly runId: string }> {
    if (this.script.unreachable !== undefined) throw this.script.unreachable
    this.removals.push(spec)
    return this.#start((run) => this.#removal(run, spec))
  }

  async *checkpoints({ runId }: { readonly runId: string }): AsyncGenerator<ReaderCheckpoint> {
    const run = this.#runs.get(runId) as Run
    for (let index = 0; ; index++) {
      while (run.reached.length === index && !run.ended)
        await Promise.race([run.result, new Promise<void>((resolve) => (run.wake = resolve))])
      const checkpoint = run.reached[index]
      if (checkpoint === undefined) return
      yield checkpoint
    }
  }

  async goOn({ runId, entries }: { readonly runId: string; readonly entries: number }): Promise<void> {
    const run = this.#runs.get(runId) as Run
    run.passedEntries = Math.max(run.passedEntries, entries)
    run.goOn?.()
  }

  async waitRun({ runId }: { readonly runId: string }): Promise<RunResult> {
    return (this.#runs.get(runId) as Run).result
  }

  async *progress({ runId }: { readonly runId: string }): AsyncGenerator<RunProgress> {
    const run = this.#runs.get(runId) as Run
    yield run.progress
    for await (const scriptMs of this.script.scriptSigns ?? []) yield { ...run.progress, scriptMs }
    await run.result
    yield run.progress
  }

  async abortRun({ runId, reason }: { readonly runId: string; readonly reason: string }): Promise<void> {
    const run = this.#runs.get(runId) as Run
    run.aborted ??= reason
    run.goOn?.()
    run.goOn?.()
    for (const channel of run.channels) channel.abort(reason)
    await run.result
  }

  #start(work: (run: Run) => Promise<Partial<RunResult>>): { readonly runId: string } {
    const { tells } = this.script
    const runId = `run-${this.#runs.size + 1}`
    const run: Run = {
      channels: [],
      progress: { files: 0, bytes: 0 },
      ended: false,
      reached: [],
      passedEntries: -1,
      result: ended(),
    }
    async function ended(): Promise<RunResult> {
      // Not before the run is known.
      await Promise.resolve()
      try {
        return { runId, status: 0, warnings: 0, ...(await work(run)), ...tells }
      } catch (error) {
        const record = toErrorRecord(error)
        for (const channel of run.channels) channel.abort(record.message)
        return { runId, status: record.status, error: record, warnings: 0 }
      } finally {
        run.ended = true
      }
    }
    this.#runs.set(runId, run)
    return { runId }
  }

  async #backup(run: Run, spec: BackupRunSpec, script: ClientScript): Promise<Partial<RunResult>> {
    const data = await this.#open(run, spec.data)
    const metadata = await this.#open(run, spec.metadata)
    const { image } = script
    if (image === undefined) throw new NbError('internal', 'the script has no image')
    await this.#sendWithStops(run, spec, { data, metadata }, image, script)
    run.progress = { files: image.counts.entries, bytes: image.counts.bytes }
    return { sent: { counts: image.counts, fileList: image.totals } }
  }

  /** Sends the image from where it goes on, and stands still where the image says, if it is to take checkpoints. */
  async #sendWithStops(
    run: Run,
    { checkpointIntervalMs, resumeFrom }: BackupRunSpec,
    { data, metadata }: { readonly data: DataChannel; readonly metadata: DataChannel },
    image: MadeImage,
    script: ClientScript,
  ): Promise<void> {
    let streamAt = resumeFrom?.streamBytes ?? 0
    let listAt = 0
    if (resumeFrom !== undefined) {
      listAt = resumeFrom.fileList.bytes
      await metadata.write(image.list.subarray(0, decodeFileListHeader(image.list).byteLength))
    }
    const stands = checkpointIntervalMs === undefined ? [] : image.stands
    for (const { counts, fileList } of stands) {
      if (fileList.entries <= (resumeFrom?.fileList.entries ?? 0)) continue
      const { streamBytes } = counts
      await Promise.all([
        this.#send(run, data, script, image.stream.subarray(0, streamBytes), streamAt),
        sendPart(metadata, image.list.subarray(listAt, fileList.bytes), 5000),
      ])
      streamAt = streamBytes
      listAt = fileList.bytes
      run.reached.push({ streamBytes, fileList, counts, position: `after ${fileList.entries}` })
      run.wake?.()
      while (run.passedEntries < fileList.entries && run.aborted === undefined)
        await new Promise<void>((resolve) => (run.goOn = resolve))
    }
    await Promise.all([
      this.#send(run, data, script, image.stream, streamAt).then(() => data.end()),
      sendPart(metadata, image.list.subarray(listAt), 5000).then(() => metadata.end()),
    ])
  }

  async #send(run: Run, data: DataChannel, script: ClientScript, stream: Buffer, from = 0): Promise<void> {
    const { failAfter, silentAfter, beforeWrite, chunkBytes = 100_000 } = script
    for (let at = from; at < stream.length; at += chunkBytes) {
      if (failAfter !== undefined && at >= failAfter.bytes) throw failAfter.error
      // An end that never comes: reading waits until the channel breaks.
      if (silentAfter !== undefined && at >= silentAfter) await data.read()
      await beforeWrite?.()
      await data.write(stream.subarray(at, at + chunkBytes))
      this.sentBytes = Math.min(at + chunkBytes, stream.length)
      run.progress = { files: 0, bytes: this.sentBytes }
    }
  }

  async #restore(run: Run, spec: RestoreRunSpec): Promise<Partial<RunResult>> {
    const { failAfter, beforeRead } = this.script
    const data = await this.#open(run, spec.data)
    const splitter = new RangeSplitter()
    let bytes = 0
    const sink = {
      onRange: (frame: RangeFrame) => void this.delivered.push({ ...frame, content: Buffer.alloc(0) }),
      onBytes: (chunk: Buffer) => {
        const last = this.delivered.pop() as DeliveredRange
        this.delivered.push({ ...last, content: Buffer.concat([last.content, chunk]) })
        bytes += chunk.length
      },
    }
    for await (const chunk of readChannel(data)) {
      if (failAfter !== undefined && bytes >= failAfter.bytes) throw failAfter.error
      splitter.push(chunk, sink)
      run.progress = { files: this.delivered.length, bytes }
      await beforeRead?.()
    }
    if (!splitter.atFrameBoundary)
      throw new NbError('message-invalid', 'the restore stream ends inside a run')
    await data.end()
    return { restored: { entries: this.delivered.length, bytes, skipped: 0 } }
  }

  async #removal(run: Run, spec: RemovalRunSpec): Promise<Partial<RunResult>> {
    const list = await this.#open(run, spec.list)
    const parts: Buffer[] = []
    for await (const chunk of readChannel(list)) parts.push(Buffer.from(chunk))
    this.removalList = Buffer.concat(parts)
    const { failAfter, silentAfter } = this.script
    if (failAfter !== undefined) throw failAfter.error
    if (silentAfter !== undefined) {
      while (run.aborted === undefined) await new Promise<void>((resolve) => (run.goOn = resolve))
      throw new NbError('session-killed', run.aborted)
    }
    await list.end()
    return { removed: this.script.removed ?? { removed: 0, kept: 0 } }
  }

  async #open(run: Run, ticket: BackupRunSpec['data']): Promise<DataChannel> {
    const channel = await this.#channels.connect({ ticket })
    run.channels.push(channel)
    // It may have been aborted meanwhile.
    if (run.aborted !== undefined) channel.abort(run.aborted)
    return channel
  }
}

async function sendPart(channel: DataChannel, bytes: Buffer, chunkBytes: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += chunkBytes)
    await channel.write(bytes.subarray(at, at + chunkBytes))
}
