import {
  type ChannelListener,
  type DataChannel,
  type ImageCopy,
  type NbError,
  type RestoreRunSpec,
  type RestoreSessionSpec,
  type SessionReport,
  counted,
} from '@nb/contracts'
import type { BlockRing } from './block-ring.ts'
import { type ClientRun, acceptClient, startRun } from './client-run.ts'
import { type MediaPlan, knownMediaPlan, readMediaPlan } from './media-plan.ts'
import { type PositionedMedium, positionMedium, sendBlocks } from './media-reader.ts'
import { ProgressSender } from './progress-sender.ts'
import { ReadMedia } from './read-media.ts'
import { readingOrder } from './reading-order.ts'
import type { Session } from './session.ts'
import { clockTime, rateOf, waitsOf } from './wording.ts'

/** What a restore session adds to its report. */
export type RestoreOutcome = Pick<SessionReport, 'warnings' | 'restored' | 'status'>

/** What a session has taken hold of, to let go of at its end. */
interface Held {
  starting?: Promise<StartedExtractor>
  listener?: ChannelListener
  run?: ClientRun
  media?: ReadMedia
  position?: PositionedMedium
  progress?: ProgressSender
}

/** An extractor that has opened its channel. */
interface StartedExtractor {
  readonly run: ClientRun
  readonly data: DataChannel
  /** From the start on, milliseconds. */
  readonly connectMs: number
}

/** Steps 6–8 and 12–15 of a restore. Rejects with the failure of the session. */
export async function runRestore(
  session: Session,
  spec: RestoreSessionSpec,
  ring: BlockRing,
): Promise<RestoreOutcome> {
  const held: Held = {}
  session.signal.addEventListener('abort', () => ring.abort(session.signal.reason as Error), { once: true })
  try {
    return await restore(session, spec, ring, held)
  } catch (error) {
    session.fail(error)
    throw await undo(session, held)
  } finally {
    held.progress?.stop()
    session.silence.stop()
    await held.listener?.close()
  }
}

async function restore(
  session: Session,
  spec: RestoreSessionSpec,
  ring: BlockRing,
  held: Held,
): Promise<RestoreOutcome> {
  const { host, signal } = session

  // The extractor reads its plan and makes directories while the media reader gets its own.
  held.starting = session.task(startExtractor(session, spec, held))

  // 6  Child session and media process are started, and told what to read.
  const plan = await fetchPlan(session, spec)
  await session.note({
    step: 6,
    component: 'media-session',
    text: `child session and media reader are started: ${counted(plan.entries, 'entry', 'entries')}, ${plan.bytes} bytes of ${counted(spec.images.length, 'image')}`,
  })

  // 7  The media reader wants exactly the medium that holds the data. The request goes to the job manager once the
  //    extractor is there to take the data, so that no medium is held for a client that does not answer.
  const order = readingOrder(
    spec.images.map(({ copy }) => copy),
    plan.rangesOf,
  )
  const volumes = new Set(order.flatMap((leg) => leg.volumes))
  const [volumeId] = volumes
  const wanted = spec.need.kind === 'read' ? spec.need.storageUnit : 'any storage unit'
  const listed = volumes.size === 0 ? '' : `volume ${[...volumes].join(', then ')} of `
  await session.note({ step: 7, component: 'media-reader', text: `asks for ${listed}${wanted}` })

  // 8  The extractor is started on the client and connected to the media reader.
  await session.note({ component: 'media-session', text: `connecting to client ${spec.client}` })
  const { run, data, connectMs } = await held.starting
  await session.note({
    component: 'media-session',
    text: `connected to client ${spec.client}; connect time: ${clockTime(connectMs)}`,
  })
  await session.note({
    step: 8,
    component: 'media-session',
    text: `extractor ${run.runId} is started on client ${spec.client}`,
  })
  const media = (held.media = new ReadMedia(session, spec.need))
  // Of what lies on tape nothing is mounted for directories and names alone.
  const isForNothing = order.length === 0 && spec.images.some(({ copy }) => isOnTape(copy))
  if (!isForNothing) await media.request(volumeId)

  // 12  The medium is mounted; where the data lies on several volumes, the first of them.
  if (!isForNothing) await media.mount(12)
  else
    await session.note({
      step: 12,
      component: 'media-reader',
      text: 'no volume is mounted: no data is wanted',
    })

  // 13  It is positioned at the data wanted, and the child starts.
  const positionedAt = host.clock.now()
  await session.note({ component: 'media-reader', text: `positioning ${media.place}` })
  const { images } = spec
  const position = (held.position = await positionMedium({ media, images, plan, order, signal }))
  const progress = (held.progress = new ProgressSender(session, ring, spec.restoredBefore))
  session.task(progress.follow(run.client, run.runId)).catch(() => undefined)
  await session.note({
    step: 13,
    component: 'media-reader',
    text: `positioned at ${position.place}; position time: ${clockTime(host.clock.now() - positionedAt)}; the child is started`,
  })

  // 14  Medium, parent, blocks in memory, child, extractor.
  await session.note({ step: 14, component: 'media-reader', text: 'begin reading' })
  const startedAt = host.clock.now()
  const parent = session.task(position.readInto(ring))
  const child = session.task(sendBlocks(session, ring, data))
  await Promise.all([parent, child])
  const readMs = host.clock.now() - startedAt
  await session.note({
    component: 'media-reader',
    text: `end reading; read time: ${clockTime(readMs)}; ${rateOf(plan.bytes, readMs)}`,
  })
  await session.note({
    component: 'media-reader',
    text: waitsOf(ring),
    data: { waitedForFullBuffer: ring.waitedForFull, waitedForEmptyBuffer: ring.waitedForEmpty },
  })

  // 15  All is restored: extractor, child and parent have ended, the medium is unmounted; the session reports.
  const result = await session.silence.forClient(run.result, 41)
  await position.close()
  await media.unmount()
  const restored = result.restored ?? { entries: 0, bytes: 0, skipped: 0 }
  await progress.finish(restored.entries, restored.bytes)
  return { status: result.status, warnings: result.warnings, restored }
}

function isOnTape({ fragments }: ImageCopy): boolean {
  return fragments.some(({ volumeId }) => volumeId !== undefined)
}

/** What is to be read: as the images tell it, or else the plan. */
async function fetchPlan(session: Session, spec: RestoreSessionSpec): Promise<MediaPlan> {
  const { host, signal } = session
  const wanted = spec.images.flatMap((image) => (image.wanted === undefined ? [] : [image.wanted]))
  if (wanted.length === spec.images.length) return knownMediaPlan(wanted)
  const channel = await host.channels.connect({ ticket: spec.mediaPlan }, { signal })
  const abort = (): void => channel.abort(session.fail(signal.reason).message)
  signal.addEventListener('abort', abort, { once: true })
  const plan = await readMediaPlan(channel, spec.images.length)
  signal.removeEventListener('abort', abort)
  await channel.end()
  return plan
}

async function startExtractor(
  session: Session,
  spec: RestoreSessionSpec,
  held: Held,
): Promise<StartedExtractor> {
  const { host, signal, info } = session
  const client = host.clientOf(spec.client)
  const listener = (held.listener = await host.channels.listen({
    timeoutMs: host.clientTimeoutMs,
    peer: spec.client,
  }))
  const start: RestoreRunSpec = {
    jobId: info.jobId,
    restoreId: spec.restoreId,
    target: spec.target,
    last: spec.last,
    plan: spec.clientPlan,
    data: listener.ticket,
  }
  const connectedAt = host.clock.now()
  const run = (held.run = await startRun(session, client, () => client.startRestore(start, { signal })))
  const data = await acceptClient(session, listener)
  return { run, data, connectMs: host.clock.now() - connectedAt }
}

async function undo(session: Session, held: Held): Promise<NbError> {
  // One that is being started just now is to be ended too.
  await held.starting?.catch(() => undefined)
  const { run } = held
  const failure = (await run?.abort()) ?? session.fail(undefined)
  await session.settled()
  if (run !== undefined) await held.progress?.finishFailed(run.client, run.runId)
  try {
    await held.position?.close()
    await held.media?.unmount()
  } catch (error) {
    session.host.logger.error('session %s: the medium was not let go: %o', session.info.sessionId, error)
  }
  return failure
}
