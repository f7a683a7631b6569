import { crc32 } from 'node:zlib'
import { NbError, type ReadResult, type WriteResult } from '@nb/contracts'
import { buildCdb } from '../scsi/cdb.ts'
import type { Told } from '../scsi/scsi-unit.ts'
import { type ReadEnd, readEnd, writeEnd } from './command-ends.ts'
import { nextBlock } from './drive-encryption.ts'
import { unknownEnd } from './drive-errors.ts'
import type { DriveSession, Place } from './drive-session.ts'
import type { Positions } from './positions.ts'
import { ReportedPositions } from './reported-positions.ts'

/** Reads and writes single blocks and filemarks, and keeps account of where the drive stands then. */
export class BlockTransfer {
  readonly #session: DriveSession
  readonly #positions: Positions
  readonly #fixedBytes: number
  /** Something was written that may be in the drive's buffer only. */
  #unflushed = false
  #lastBytes = 0

  /** `fixedBytes`: the length of all blocks, 0 where it varies. */
  constructor(session: DriveSession, positions: Positions, fixedBytes: number) {
    this.#session = session
    this.#positions = positions
    this.#fixedBytes = fixedBytes
  }

  get unflushed(): boolean {
    return this.#unflushed
  }

  /** The error for what was in the drive's buffer, and is gone. */
  lost(object: number, believed: number): NbError {
    this.#unflushed = false
    return new NbError(
      'media-write-failed',
      `drive ${this.#session.name} lost what it was given last: it stands at object ${object}, not at ${believed} (${this.#session.doubt})`,
      { details: { drive: this.#session.name, object, believed } },
    )
  }

  async write(from: Place, data: Uint8Array): Promise<WriteResult> {
    await this.#checkLength(data.length)
    const { times } = this.#session
    const fixed = this.#fixedBytes > 0
    const transferLength = fixed ? 1 : data.length
    const cdb = buildCdb('write-6', { fixed, transferLength })
    const ended = await this.#session.placed({ cdb, dataOut: data, timeoutMs: times.transferMs }, 'write')
    const end = writeEnd(ended, transferLength)
    if (end.kind === 'failed') throw await this.#failed(end.told, 'write', from)
    if (end.kind === 'end-of-medium') return this.#full(from)
    this.#unflushed = true
    this.#beginsWith(from, data)
    return { written: true, position: this.#wrote(from, 1, 0, end.warned) }
  }

  async writeFilemarks(from: Place, count: number, immediate: boolean): Promise<WriteResult> {
    if (count === 0 && immediate) return { written: true, position: this.#session.position(from) }
    const { times } = this.#session
    const cdb = buildCdb('write-filemarks-6', { immediate, count })
    const ended = await this.#session.placed({ cdb, timeoutMs: times.filemarksMs }, 'write')
    const end = writeEnd(ended, count)
    if (end.kind === 'failed') throw await this.#failed(end.told, 'write', from)
    if (end.kind === 'end-of-medium') return this.#full(from)
    this.#unflushed = immediate
    if (count > 0 && from.object === 0) this.#session.firstBlock = undefined
    const position = count === 0 ? this.#session.position(from) : this.#wrote(from, count, count, end.warned)
    if (!immediate) await this.#verify()
    return { written: true, position }
  }

  /** Makes what was written durable, if there is anything, so that a failure is told as one of writing. */
  async flush(from: Place): Promise<void> {
    if (this.#unflushed) await this.writeFilemarks(from, 0, false)
  }

  async read(from: Place, target: Uint8Array): Promise<ReadResult> {
    await this.flush(from)
    const { quirks } = await this.#session.facts()
    if (target.length < 1) throw new RangeError('a target of 0 bytes; allowed: from 1 byte on')
    // Where other lengths make a second reading, the length of the last block is the best guess.
    const guess = quirks.rereadOtherLengths && this.#lastBytes > 0 ? this.#lastBytes : 2 ** 24 - 1
    const asked = Math.min(target.length, guess)
    const { end, gotBytes } = await this.#read(from, target.subarray(0, asked))
    if (end.kind !== 'block') return this.#noBlock(from, end.kind)
    const { blockBytes } = end
    this.#lastBytes = blockBytes
    const wanted = Math.min(blockBytes, target.length)
    // Less than the drive says there is, or more than is to be trusted: again, with the block's own length.
    if (gotBytes < wanted || (quirks.rereadOtherLengths && blockBytes !== asked))
      await this.#readAgain(from, blockBytes, target)
    const place = this.#session.standsAt(after(from, 1, 0))
    const truncated = blockBytes > target.length
    if (!truncated) this.#beginsWith(from, target.subarray(0, blockBytes))
    return { kind: 'block', blockBytes, truncated, position: this.#session.position(place) }
  }

  /** Keeps in mind what the volume begins with, where that is how it's known again. */
  #beginsWith({ object }: Place, data: Uint8Array): void {
    if (object !== 0 || this.#positions instanceof ReportedPositions) return
    this.#session.firstBlock = { bytes: data.length, crc: crc32(data) }
  }

  #noBlock(from: Place, kind: 'filemark' | 'end-of-data'): ReadResult {
    const { map } = this.#session
    if (kind === 'end-of-data') map.endsAt(from.object, from.file)
    const place = kind === 'filemark' ? after(from, 1, 1) : from
    if (kind === 'filemark' && place.file !== undefined) map.startsAt(place.file, place.object)
    return { kind, position: this.#session.position(this.#session.standsAt(place)) }
  }

  async #read(
    from: Place,
    dataIn: Uint8Array,
  ): Promise<{ readonly end: Exclude<ReadEnd, { kind: 'failed' }>; readonly gotBytes: number }> {
    const { times } = this.#session
    const fixed = this.#fixedBytes > 0
    const asked = fixed ? this.#fixedBytes : dataIn.length
    const into = fixed && dataIn.length !== asked ? new Uint8Array(asked) : dataIn
    const cdb = buildCdb('read-6', { fixed, transferLength: fixed ? 1 : asked })
    const ended = await this.#session.placed({ cdb, dataIn: into, timeoutMs: times.transferMs }, 'read')
    const end = readEnd(ended, asked)
    if (end.kind === 'failed') throw await this.#unreadable(end.told, from)
    if (into !== dataIn) dataIn.set(into.subarray(0, dataIn.length))
    return { end, gotBytes: Math.min(ended.dataInBytes, dataIn.length) }
  }

  /** Goes back to the block and reads it whole, with its own length. */
  async #readAgain(from: Place, blockBytes: number, target: Uint8Array): Promise<void> {
    this.#session.doubtPlace('a block was read with another length than its own')
    await this.#positions.goTo(from.object)
    this.#session.standsAt(from)
    const whole = blockBytes <= target.length ? target.subarray(0, blockBytes) : new Uint8Array(blockBytes)
    const { end, gotBytes } = await this.#read(from, whole)
    if (end.kind !== 'block' || end.blockBytes !== blockBytes || gotBytes !== blockBytes) {
      this.#session.losePlace('a block was not the same when it was read again')
      throw new NbError(
        'media-read-failed',
        `drive ${this.#session.name}: the block at object ${from.object} was ${blockBytes} bytes long at first, and then ${
          end.kind === 'block' ? `${gotBytes} of ${end.blockBytes}` : end.kind
        }`,
        { details: { drive: this.#session.name, object: from.object } },
      )
    }
    if (whole.length > target.length) target.set(whole.subarray(0, target.length))
  }

  /** A damaged block: the drive is brought behind it. */
  async #unreadable(told: Told, from: Place): Promise<NbError> {
    this.#session.losePlace(told.text)
    if (told.meaning === 'key-missing') return this.#locked(told, from)
    if (told.meaning === 'read-error') {
      try {
        const next = after(from, 1, 0)
        const at = await this.#positions.find(next)
        this.#session.standsAt(at.object === next.object ? next : await this.#positions.goTo(next.object))
      } catch (error) {
        // The block's error is what the user has to hear; the place stays unknown, and is found before anything else.
        if (!(error instanceof NbError)) throw error
      }
    } else await this.#findOut(from)
    return this.#session.failure(told, 'read')
  }

  /** A block whose key the drive doesn't have: the drive stands before it still, or again, and tells which key it is. */
  async #locked(told: Told, from: Place): Promise<NbError> {
    const keyLabel = await this.#keyBefore(from).catch((error: unknown) => {
      // That the block can't be read is what the user has to hear.
      if (error instanceof NbError) return undefined
      throw error
    })
    return this.#session.failure(told, 'read', keyLabel)
  }

  async #keyBefore(from: Place): Promise<string | undefined> {
    const at = await this.#positions.find(from)
    this.#session.standsAt(at.object === from.object ? from : await this.#positions.goTo(from.object))
    return (await nextBlock(this.#session)).keyLabel
  }

  async #failed(told: Told, doing: 'write', from: Place): Promise<NbError> {
    this.#unflushed = false
    this.#session.losePlace(told.text)
    await this.#findOut(from)
    return this.#session.failure(told, doing)
  }

  /** The hard end of the medium. What is in the drive's buffer has to get onto it still; if not, it's lost, which is an error. */
  async #full(from: Place): Promise<WriteResult> {
    const { map } = this.#session
    map.warned(from.object)
    if (this.#unflushed) {
      this.#unflushed = false
      const cdb = buildCdb('write-filemarks-6')
      const { times } = this.#session
      const flushed = writeEnd(await this.#session.placed({ cdb, timeoutMs: times.filemarksMs }, 'write'), 0)
      if (flushed.kind !== 'written') throw await this.#failed(flushed.told, 'write', from)
    }
    map.endsAt(from.object, from.file)
    const position = this.#session.position(this.#session.standsAt(from))
    return { written: false, stoppedBy: 'end-of-medium', position }
  }

  #wrote(
    from: Place,
    objects: number,
    filemarks: number,
    warned: boolean,
  ): ReturnType<DriveSession['position']> {
    const { map } = this.#session
    const place = after(from, objects, filemarks)
    map.wrote(from.object, place.object, place.file)
    if (place.file !== undefined)
      for (let mark = 1; mark <= filemarks; mark++)
        map.startsAt(place.file - filemarks + mark, from.object + mark)
    if (warned) map.warned(place.object)
    return this.#session.position(this.#session.standsAt(place))
  }

  /** After a filemark that was waited for the drive is asked whether it stands where it should. */
  async #verify(): Promise<void> {
    const { place } = this.#session
    if (!(this.#positions instanceof ReportedPositions) || place === undefined) return
    const at = await this.#positions.find(place).catch((error: unknown) => {
      // The filemark may be there: whoever writes it again has to look first.
      this.#session.losePlace('where it stands after a filemark is not known')
      throw unknownEnd(error, this.#session.name, 'write')
    })
    if (at.object === place.object) return
    this.#session.losePlace('the drive stands elsewhere than where it was written')
    throw new NbError(
      'media-write-failed',
      `drive ${this.#session.name} stands at object ${at.object} after writing up to ${place.object}`,
      { retryable: false, details: { drive: this.#session.name, object: at.object, believed: place.object } },
    )
  }

  async #findOut(from: Place): Promise<void> {
    try {
      this.#session.standsAt(await this.#positions.find(from))
    } catch (error) {
      if (!(error instanceof NbError)) throw error
    }
  }

  async #checkLength(bytes: number): Promise<void> {
    const { limits, quirks } = await this.#session.facts()
    if (this.#fixedBytes > 0 && bytes !== this.#fixedBytes)
      throw new RangeError(`a block of ${bytes} bytes; all blocks here have ${this.#fixedBytes}`)
    if (limits === undefined || quirks.ignoreBlockLimits || this.#fixedBytes > 0) return
    const { leastBytes, mostBytes, granularity } = limits
    if (bytes >= leastBytes && (mostBytes === 0 || bytes <= mostBytes) && bytes % 2 ** granularity === 0)
      return
    throw new NbError(
      'argument-invalid',
      `drive ${this.#session.name} does not write blocks of ${bytes} bytes; allowed: ${leastBytes}–${mostBytes}, in steps of ${2 ** granularity}`,
      { details: { drive: this.#session.name, bytes, leastBytes, mostBytes } },
    )
  }
}

function after({ object, file }: Place, objects: number, filemarks: number): Place {
  return { object: object + objects, ...(file === undefined ? {} : { file: file + filemarks }) }
}
