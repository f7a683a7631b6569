import assert from 'node:assert/strict'
import {
  type BackupRunSpec,
  type ChannelListener,
  type DataChannel,
  type DataChannels,
  type Path,
  pathFromBytes,
  pathToBytes,
  readChannel,
  type ReaderCheckpoint,
  type RunResult,
} from '@nb/contracts'
import { ArchiveParser, FileListDecoder, type FileRecord } from '@nb/formats'
import type { ClientAgentFixture } from './client-agent-fixture.ts'

/** What differs from a full backup of the fixture. */
export interface BackupChoice {
  readonly checkpointIntervalMs?: number
  readonly resumeFrom?: ReaderCheckpoint
  readonly roots?: readonly Path[]
  readonly backupId?: string
  readonly reference?: { readonly backupId: string; readonly list: Buffer }
}

/** A run that has begun, and where its channels arrive. */
export interface Opened {
  readonly runId: string
  readonly data: ChannelListener
  readonly metadata: ChannelListener
}

/** A backup that could begin. */
export async function prepare(
  { channels, source }: ClientAgentFixture,
  choice: BackupChoice = {},
): Promise<{ data: ChannelListener; metadata: ChannelListener; spec: BackupRunSpec }> {
  const data = await channels.listen()
  const metadata = await channels.listen()
  const { roots = [source], backupId = 'web1_1', reference, checkpointIntervalMs, resumeFrom } = choice
  const spec: BackupRunSpec = {
    jobId: '1',
    backupId,
    names: {
      policy: 'nightly',
      schedule: 'daily',
      scheduleType: reference === undefined ? 'full' : 'differential',
    },
    walk: { roots, exclude: [], include: [], crossMountPoints: false },
    data: data.ticket,
    metadata: metadata.ticket,
    ...(checkpointIntervalMs === undefined ? {} : { checkpointIntervalMs }),
    ...(resumeFrom === undefined ? {} : { resumeFrom }),
    ...(reference === undefined
      ? {}
      : { reference: { backupId: reference.backupId, ticket: await serve(channels, reference.list) } }),
  }
  return { data, metadata, spec }
}

/** Begins a backup. */
export async function begin(fixture: ClientAgentFixture, choice?: BackupChoice): Promise<Opened> {
  const { data, metadata, spec } = await prepare(fixture, choice)
  return { ...(await fixture.agent.startBackup(spec)), data, metadata }
}

/** Makes a backup: what comes of it, and what it sent. */
export async function backup(
  fixture: ClientAgentFixture,
  choice?: BackupChoice,
): Promise<{ readonly result: RunResult; readonly data: Buffer; readonly list: Buffer }> {
  const opened = await begin(fixture, choice)
  const taken = [opened.data, opened.metadata].map(async (listener) => collect(await listener.accept()))
  const [data, list] = await Promise.all(taken.map((bytes) => bytes.catch(() => Buffer.alloc(0))))
  const result = await fixture.agent.waitRun({ runId: opened.runId })
  return { result, data: data ?? Buffer.alloc(0), list: list ?? Buffer.alloc(0) }
}

/** What comes over the channels of a run, from the moment it is looked at. */
export function takeAll(opened: Opened): {
  readonly data: () => Buffer
  readonly list: () => Buffer
  readonly until: (checkpoint: ReaderCheckpoint) => Promise<void>
  readonly ended: Promise<unknown>
} {
  const parts: { readonly data: Buffer[]; readonly list: Buffer[] } = { data: [], list: [] }
  let wake: () => void = () => undefined
  const take = async (listener: ChannelListener, into: Buffer[]): Promise<void> => {
    const channel = await listener.accept()
    for await (const chunk of readChannel(channel)) {
      into.push(Buffer.from(chunk))
      wake()
    }
    await channel.end()
  }
  const ended = Promise.allSettled([take(opened.data, parts.data), take(opened.metadata, parts.list)])
  const data = (): Buffer => Buffer.concat(parts.data)
  const list = (): Buffer => Buffer.concat(parts.list)
  const until = async ({ streamBytes, fileList }: ReaderCheckpoint): Promise<void> => {
    while (data().length < streamBytes || list().length < fileList.bytes)
      await new Promise<void>((resolve) => (wake = resolve))
  }
  return { data, list, until, ended }
}

/** A backup that is ended at its checkpoint of this number, and what it had sent. */
export async function until(
  fixture: ClientAgentFixture,
  number: number,
): Promise<{ readonly checkpoint: ReaderCheckpoint; readonly data: Buffer; readonly list: Buffer }> {
  const { agent } = fixture
  const opened = await begin(fixture, { checkpointIntervalMs: 0 })
  const { runId } = opened
  const taken = takeAll(opened)
  let count = 0
  for await (const checkpoint of agent.checkpoints({ runId })) {
    await taken.until(checkpoint)
    if (++count === number) {
      await agent.abortRun({ runId, reason: 'broken off' })
      await taken.ended
      return { checkpoint, data: taken.data(), list: taken.list() }
    }
    await agent.goOn({ runId, entries: checkpoint.fileList.entries })
  }
  return assert.fail(`the run ended before checkpoint ${number}`)
}

/** Sends bytes to whoever opens the ticket. */
export async function serve(channels: DataChannels, bytes: Buffer): Promise<BackupRunSpec['data']> {
  const listener = await channels.listen()
  const sending = listener.accept().then(async (channel) => {
    await send(channel, bytes)
    await channel.end()
  })
  // A reader that gives up is a matter of its result.
  sending.catch(() => undefined)
  return listener.ticket
}

/** Writes bytes in chunks. */
export async function send(channel: DataChannel, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += 100_000) await channel.write(bytes.subarray(at, at + 100_000))
}

/** All that comes over a channel. */
export async function collect(channel: DataChannel): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const chunk of readChannel(channel)) parts.push(Buffer.from(chunk))
  await channel.end()
  return Buffer.concat(parts)
}

/** The records of a file list. */
export function decode(list: Buffer): FileRecord[] {
  const records: FileRecord[] = []
  const decoder = new FileListDecoder()
  decoder.push(list, { onRecord: (record) => void records.push(record) })
  decoder.finish()
  return records
}

/** The files of an archive, by path below a directory. */
export function contentsBelow(archive: Buffer, source: Path): Record<string, Uint8Array> {
  const found: Record<string, Uint8Array> = {}
  const strip = pathToBytes(source).length
  let name: string | undefined
  let content = Buffer.alloc(0)
  const parser = new ArchiveParser()
  parser.push(archive, {
    onMember: (member) => {
      name = member.kind === 'file' ? pathFromBytes(member.path.subarray(strip)) : undefined
      content = Buffer.alloc(member.sizeBytes)
    },
    onData: (chunk, offset) => void chunk.copy(content, offset),
    onMemberEnd: () => {
      if (name !== undefined) found[name] = content
    },
    onEndOfArchive: () => undefined,
  })
  parser.finish()
  return sorted(found)
}

/** The same files, ordered by path. */
export function sorted(tree: Readonly<Record<string, Uint8Array>>): Record<string, Uint8Array> {
  const names = Object.keys(tree).sort()
  return Object.fromEntries(names.map((name) => [name, Buffer.from(tree[name] ?? [])]))
}
