import type { DescribedCopy, MediaServer } from '@nb/contracts'
import { mediumContent, storedImage } from '../schemas/media.ts'
import { allocation, mediaAnswer } from '../schemas/resources.ts'
import { closed, count, empty, flag, integer, json, list, maybe, nothing, text } from '../schemas/schema.ts'
import { fileListTotals, fragmentRecord, imageCopy } from '../schemas/image.ts'
import { copyToRead, copyToWrite, verifyEvent, writeEvent } from '../schemas/copies.ts'
import {
  backupSessionSpec,
  channelTicket,
  restoreSessionSpec,
  sessionInfo,
  sessionReport,
} from '../schemas/session.ts'
import { call, type InputOf, type PortContract, stream } from './port-contract.ts'

type In<Name extends keyof MediaServer> = InputOf<MediaServer, Name>

const started = closed<{ readonly sessionId: string }>({ sessionId: text })

export const mediaServerContract: PortContract<MediaServer> = {
  startBackup: call(backupSessionSpec, started),
  startRestore: call(restoreSessionSpec, started),
  startRemoval: call(closed<In<'startRemoval'>>({ jobId: text, client: text, backupId: text }), started),
  grantMedia: call(
    closed<In<'grantMedia'>>({ sessionId: text, requestId: text, answer: mediaAnswer }),
    nothing,
  ),
  endSession: call(closed<In<'endSession'>>({ sessionId: text, status: integer, reason: text }), nothing),
  waitSession: call(closed<In<'waitSession'>>({ sessionId: text }), sessionReport),
  sessions: call(empty, list(sessionInfo)),
  storedImages: stream(closed<In<'storedImages'>>({ storageUnit: text }), storedImage),
  verifyCopy: stream(closed<In<'verifyCopy'>>({ ...copyToRead, list: channelTicket }), verifyEvent),
  continueCopy: call(closed<In<'continueCopy'>>({ requestId: text, allocation }), nothing),
  volumeContents: stream(closed<In<'volumeContents'>>({ jobId: text, allocation }), mediumContent),
  describeCopy: call(
    closed<In<'describeCopy'>>({ ...copyToRead, copy: count, fragments: maybe(list(fragmentRecord)) }),
    closed<DescribedCopy>({ image: json, copy: imageCopy }),
  ),
  sendFileList: call(
    closed<In<'sendFileList'>>({ ...copyToRead, list: channelTicket, after: maybe(fileListTotals) }),
    fileListTotals,
  ),
  sendCopy: call(
    closed<In<'sendCopy'>>({ ...copyToRead, data: channelTicket }),
    closed<{ readonly bytes: number }>({ bytes: count }),
  ),
  writeCopy: stream(copyToWrite, writeEvent),
  removeImage: call(
    closed<In<'removeImage'>>({
      storageUnit: text,
      backupId: text,
      copy: maybe(count),
      unfinished: maybe(flag),
    }),
    nothing,
  ),
}
