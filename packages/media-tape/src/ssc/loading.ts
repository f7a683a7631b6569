import { NbError } from '@nb/contracts'
import { buildCdb } from '../scsi/cdb.ts'
import type { Told } from '../scsi/scsi-unit.ts'
import { senseKey } from '../scsi/sense.ts'
import { notReady } from './drive-errors.ts'
import type { DriveSession } from './drive-session.ts'

const pollMs = 500
const longestCleaningMs = 300_000

/** What TEST UNIT READY tells. */
export type Readiness =
  | { readonly state: 'ready' }
  | { readonly state: 'becoming-ready' | 'no-medium' | 'loadable'; readonly told: Told }

/** Whether a volume is ready. Unit attentions are noted on the way. */
export async function readiness(session: DriveSession): Promise<Readiness> {
  const ended = await session.unit.ask({ cdb: buildCdb('test-unit-ready') })
  if (ended.good || ended.sense.key === senseKey.noSense || ended.sense.key === senseKey.recoveredError)
    return { state: 'ready' }
  if (ended.sense.key !== senseKey.notReady) throw await session.failure(ended, 'ask')
  const { asc, ascq } = ended.sense
  // A volume in the mouth: it can be loaded, or its memory can be read (SPC-5).
  if (asc === 0x3a && (ascq === 0x03 || ascq === 0x04)) return { state: 'loadable', told: ended }
  if (ended.meaning === 'no-medium') return { state: 'no-medium', told: ended }
  if (ended.meaning === 'becoming-ready' || ended.meaning === 'cleaning-under-way')
    return { state: 'becoming-ready', told: ended }
  return { state: 'loadable', told: ended }
}

/**
 * Has the volume in the drive loaded, and waits until it's ready. A cleaning cartridge is waited for as well, and then told of: to load it
 * again would be to clean once more.
 */
export async function loadVolume(session: DriveSession): Promise<void> {
  const { loadMs } = session.times
  const beganAt = session.clock.now()
  let asked = false
  let cleaning: CleaningSeen | undefined
  for (;;) {
    const now = await readiness(session)
    if (now.state === 'ready') return
    const cleans = now.state === 'becoming-ready' && now.told.meaning === 'cleaning-under-way'
    if (cleans) cleaning = seeCleaning(cleaning, now.told, session.clock.now())
    if (cleaning !== undefined && (!cleans || cleaning.done))
      throw new NbError(
        'media-open-failed',
        `drive ${session.name}: the cartridge in it is a cleaning cartridge`,
        {
          retryable: false,
          details: { drive: session.name, cleaned: true },
        },
      )
    if (now.state === 'becoming-ready') {
      if (session.clock.now() - beganAt >= loadMs)
        throw notReady(session.name, `${now.told.text} for ${Math.round(loadMs / 1000)} seconds`)
      await session.clock.sleep(pollMs)
      continue
    }
    if (asked) throw await session.failure(now.told, 'load')
    await session.uninterrupted(async () => loadOrEject(session, true))
    asked = true
  }
}

/** What was seen of a cleaning so far. */
interface CleaningSeen {
  readonly since: number
  readonly progress: boolean
  readonly done: boolean
}

/**
 * Some drives go on to say "cleaning cartridge" when it's done, but no longer how far it has come. Of those that never say how far, it is
 * taken to be done after the longest time that cleaning takes.
 */
function seeCleaning(seen: CleaningSeen | undefined, { sense }: Told, now: number): CleaningSeen {
  const since = seen?.since ?? now
  const underWay = sense.progress !== undefined
  const done = !underWay && (seen?.progress === true || now - since >= longestCleaningMs)
  return { since, progress: underWay || seen?.progress === true, done }
}

/** Rewinds, unthreads and ejects. */
export async function unloadVolume(session: DriveSession): Promise<void> {
  await session.uninterrupted(async () => loadOrEject(session, false))
}

/**
 * Has the cleaning cartridge in the drive clean it, and waits for that. Rejects with `media-open-failed` where the cartridge is none,
 * or can't clean any more.
 */
export async function cleanDrive(session: DriveSession): Promise<void> {
  // A drive that threads what it is given has been at it already: its verdict may be among these.
  const before = await session.readAlerts()
  try {
    await loadVolume(session)
  } catch (error) {
    if (!(error instanceof NbError) || error.details['cleaned'] !== true) throw error
    const bad = [...before, ...(await session.readAlerts())].find(
      ({ meaning }) => meaning === 'cleaning-cartridge',
    )
    if (bad === undefined) return
    throw new NbError('media-open-failed', `drive ${session.name}: it was not cleaned: ${bad.name}`, {
      retryable: false,
      details: { drive: session.name, alerts: [bad.name] },
    })
  }
  await unloadVolume(session)
  throw new NbError('media-open-failed', `drive ${session.name}: the volume in it is no cleaning cartridge`, {
    retryable: false,
    details: { drive: session.name },
  })
}

/** Keeps people and robots from taking the volume out, or lets them, where the drive can do that. */
export async function preventRemoval(session: DriveSession, prevent: boolean): Promise<void> {
  const command = 'prevent-allow-medium-removal'
  const { supports } = await session.facts()
  if (!supports.has(command)) return
  const ended = await session.unit.ask({ cdb: buildCdb(command, { prevent: prevent ? 1 : 0 }) })
  if (ended.good || ended.meaning === 'recovered') return
  if (ended.meaning !== 'not-supported' && ended.meaning !== 'invalid-field')
    throw await session.failure(ended, prevent ? 'load' : 'unload')
  supports.refused(command)
}

async function loadOrEject(session: DriveSession, load: boolean): Promise<void> {
  const { quirks } = await session.facts()
  const cdb =
    quirks.loadsBy === 'load-unload'
      ? buildCdb('load-unload', { load })
      : buildCdb('start-stop-unit', { loadEject: true, start: load })
  const doing = load ? 'load' : 'unload'
  const ended = await session.motion({ cdb, timeoutMs: session.times.loadMs }, doing)
  if (ended.good || ended.meaning === 'recovered' || ended.meaning === 'becoming-ready') return
  if (ended.meaning === 'no-medium') {
    if (!load) return
    throw notReady(session.name, 'there is no volume in it')
  }
  if (ended.meaning === 'removal-prevented')
    throw new NbError(
      'state-conflict',
      `drive ${session.name}: somebody keeps the volume from being taken out`,
      {
        details: { drive: session.name },
      },
    )
  throw await session.failure(ended, doing)
}
