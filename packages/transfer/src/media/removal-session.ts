import { counted, type ImageRecord, isAbortError, NbError, type SessionReport } from '@nb/contracts'
import { type ClientRun, startRun } from './client-run.ts'
import type { Session } from './session.ts'

/** What a removal session needs to know. */
export interface RemovalSessionSpec {
  readonly jobId: string
  readonly client: string
  readonly backupId: string
}

/** What a removal session adds to its report. */
export type RemovalOutcome = Pick<SessionReport, 'warnings' | 'removed' | 'status'>

const keptStatus = 3
const failedStatus = 4

/**
 * Takes off the client what an archive has saved. Rejects with the failure of the session: its status is 4, since the
 * archive itself is saved and whole, or that of whoever ended it.
 */
export async function runRemoval(session: Session, spec: RemovalSessionSpec): Promise<RemovalOutcome> {
  let run: ClientRun | undefined
  try {
    run = await startRemover(session, spec)
    const { warnings, removed } = await session.silence.forClient(run.result, 41)
    if (removed === undefined)
      throw new NbError('client-ended', 'The client does not tell what it removed.', { status: failedStatus })
    return { status: removed.kept > 0 ? keptStatus : 0, warnings, removed }
  } catch (error) {
    session.fail(error)
    const failure = (await run?.abort()) ?? session.fail(error)
    await session.settled()
    throw failure === session.endedBy ? failure : asRemovalFailure(failure)
  } finally {
    session.silence.stop()
  }
}

async function startRemover(session: Session, spec: RemovalSessionSpec): Promise<ClientRun> {
  const { host, signal, info } = session
  const { client: clientName, backupId } = spec
  const client = host.clientOf(clientName)
  checkImage(spec, await host.catalog.getImage({ backupId }, { signal }))
  const { ticket } = await host.catalog.readFileList(
    { client: clientName, backupId, peer: clientName },
    { signal },
  )
  const start = { jobId: info.jobId, backupId, list: ticket }
  const run = await startRun(session, client, () => client.startRemoval(start, { signal }))
  await session.note({
    component: 'media-session',
    text: `removal ${run.runId} of what image ${backupId} holds is started on client ${clientName}`,
  })
  session.task(follow(session, run)).catch(() => undefined)
  return run
}

/** What is not saved for good is not removed. */
function checkImage({ backupId, client }: RemovalSessionSpec, image: ImageRecord | undefined): void {
  const details = { backupId, client }
  if (image?.client !== client)
    throw new NbError('image-unknown', `There is no image ${backupId} of client ${client}.`, { details })
  if (image.state !== 'complete')
    throw new NbError('image-incomplete', `Image ${backupId} is ${image.state}; nothing is removed.`, {
      details,
    })
  if (image.damaged !== undefined)
    throw new NbError(
      'file-list-corrupt',
      `Image ${backupId} is damaged; nothing is removed: ${image.damaged}`,
      {
        details,
      },
    )
}

/** Each sign of progress is one of life. It is not the job's progress, which tells what was archived. */
async function follow({ silence, signal, host, info }: Session, { client, runId }: ClientRun): Promise<void> {
  try {
    for await (const _ of client.progress({ runId }, { signal })) silence.touch()
  } catch (error) {
    if (!isAbortError(error) && !signal.aborted)
      host.logger.error('session %s: no progress: %o', info.sessionId, error)
  }
}

function asRemovalFailure({ code, message, retryable, details, cause }: NbError): NbError {
  return new NbError(code, message, { status: failedStatus, retryable, details, cause })
}

/** The session's last line. */
export function describeRemoval({ removed, kept }: NonNullable<SessionReport['removed']>): string {
  return `${counted(removed, 'entry', 'entries')} removed from the client, ${kept} kept`
}
