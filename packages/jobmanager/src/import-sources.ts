import {
  type Allocation,
  type DescribedCopy,
  type FileListTotals,
  type ImageCopy,
  NbError,
  asNbError,
  counted,
} from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import { FoundOnVolumes } from './found-on-volumes.ts'
import { mediaServerOf } from './session-calls.ts'
import { needToRead, volumeRuns } from './volume-runs.ts'
import type { WorkMedia } from './work-media.ts'
import type { WorkContext } from './workers.ts'

/** What an import reads images from. */
export interface ImportSource {
  /** The numbers of the copies that are stored, by image. */
  readonly stored: ReadonlyMap<string, readonly number[]>
  /** How many media could not be looked at. */
  readonly unread: number
  /** What a copy tells of itself and its image. */
  describe(backupId: string, copy: number): Promise<DescribedCopy>
  /** Has the image's file list sent to the catalog; gives its totals. */
  sendFileList(backupId: string, copy: ImageCopy): Promise<FileListTotals>
}

/** What a source is read with. */
export interface SourceParts extends Pick<ManagerParts, 'catalog' | 'mediaServers'> {
  readonly context: Pick<WorkContext, 'jobId' | 'say'>
  readonly media: WorkMedia
  /** The first medium. */
  readonly allocation: Allocation
}

/** A disk: what is stored there is listed. */
export async function diskSource(parts: SourceParts): Promise<ImportSource> {
  const { catalog, mediaServers, allocation, context, media } = parts
  const { mediaServer, storageUnit } = allocation
  const options = { signal: media.signal }
  const server = mediaServerOf(mediaServers, mediaServer)
  const stored = new Map<string, number[]>()
  for await (const { backupId, copy } of server.storedImages({ storageUnit }, options))
    stored.set(backupId, [...(stored.get(backupId) ?? []), copy])
  const access = { jobId: context.jobId, allocation }
  return {
    stored,
    unread: 0,
    describe: (backupId, copy) => server.describeCopy({ ...access, backupId, copy }, options),
    sendFileList: async (backupId, copy) => {
      const { ticket } = await catalog.appendFileList({ backupId, peer: mediaServer }, options)
      return server.sendFileList({ ...access, backupId, copy, list: ticket }, options)
    },
  }
}

/** Whether a volume could not be mounted because nothing is on it, and nothing is missed there. */
const isBlank = ({ details }: NbError): boolean => details['found'] === 'blank' && details['frozen'] === false

/**
 * Volumes: each is read through once for what is on it. Then the last fragment of a copy tells the image and where the others are, and the
 * file list is sent from volume to volume, each going on where the one before has ended. One that can't be had is told and left; a blank one is
 * told, and no failure.
 */
export async function tapeSource(parts: SourceParts, volumes: readonly string[]): Promise<ImportSource> {
  const { catalog, mediaServers, allocation, context, media } = parts
  const { storageUnit } = allocation
  const { jobId, say } = context
  const options = { signal: media.signal }
  const found = new FoundOnVolumes()
  const onVolume = (volumeId: string | undefined): Promise<Allocation> =>
    media.toReadNext(needToRead(storageUnit, volumeId))
  let unread = 0
  for (const volumeId of volumes) {
    let fragments = 0
    try {
      const read = await onVolume(volumeId)
      const server = mediaServerOf(mediaServers, read.mediaServer)
      found.begin(volumeId)
      for await (const content of server.volumeContents({ jobId, allocation: read }, options)) {
        if (content.kind === 'fragment') {
          fragments += 1
          found.add(content)
        } else
          await say(
            `volume ${volumeId}, tape file ${content.filemark}: nothing can be told of it: ${content.reason}`,
            'warning',
          )
      }
      await say(`volume ${volumeId} holds ${counted(fragments, 'fragment')}`)
    } catch (error) {
      if (media.signal.aborted) throw error
      const failure = asNbError(error)
      if (isBlank(failure)) {
        await say(`volume ${volumeId} is blank: nothing was ever written to it`)
        continue
      }
      unread += 1
      await say(`volume ${volumeId} is not read: ${failure.message}`, 'error')
    }
  }
  return {
    stored: found.copies(),
    unread,
    describe: async (backupId, copy) => {
      let failure: unknown
      for (const last of found.lastOf(backupId, copy)) {
        try {
          const read = await onVolume(last.volumeId)
          const server = mediaServerOf(mediaServers, read.mediaServer)
          const input = { jobId, allocation: read, backupId, copy, fragments: [last] }
          const told = await server.describeCopy(input, options)
          const [end = last] = told.copy.fragments
          const fragments = found.rowOf(backupId, copy, told.image, end)
          return { image: told.image, copy: { ...told.copy, fragments } }
        } catch (error) {
          if (media.signal.aborted) throw error
          failure ??= error
        }
      }
      throw asNbError(failure)
    },
    sendFileList: async (backupId, copy) => {
      let sent: FileListTotals | undefined
      for (const { volumeId, fragments } of volumeRuns(copy.fragments)) {
        const read = await onVolume(volumeId)
        const server = mediaServerOf(mediaServers, read.mediaServer)
        if (sent !== undefined) await catalog.syncFileList({ backupId, totals: sent }, options)
        const after = sent === undefined ? {} : { after: sent }
        const { ticket } = await catalog.appendFileList(
          { backupId, peer: read.mediaServer, ...after },
          options,
        )
        const part = { ...copy, fragments }
        const input = { jobId, allocation: read, backupId, copy: part, list: ticket, ...after }
        const totals = await server.sendFileList(input, options)
        // A volume in the middle of a long file may have no part of the list; until the first part comes the list begins anew.
        if (totals.bytes > 0) sent = totals
      }
      if (sent !== undefined) return sent
      throw new NbError('file-list-corrupt', `no fragment of image ${backupId} has a part of its file list`, {
        details: { backupId },
      })
    },
  }
}
