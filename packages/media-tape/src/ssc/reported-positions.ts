import { NbError, type SpaceRequest } from '@nb/contracts'
import { buildCdb } from '../scsi/cdb.ts'
import type { CdbName } from '../scsi/cdb-fields.ts'
import { positionForm, spaceOver } from '../scsi/command-codes.ts'
import type { Ended } from '../scsi/scsi-unit.ts'
import {
  longPositionBytes,
  parseLongPosition,
  parseShortPosition,
  type ReportedPosition,
  shortPositionBytes,
} from '../scsi/tape-answers.ts'
import { type SpaceEnd, spaceEnd } from './command-ends.ts'
import { notWhereBelieved } from './drive-errors.ts'
import type { DriveSession, Place } from './drive-session.ts'
import { beyondEnd, type Positions, rewind, type Spaced } from './positions.ts'

const mostSpace6 = 2 ** 23 - 1

/** For drives that tell by READ POSITION where they stand: every motion is followed by that question. */
export class ReportedPositions implements Positions {
  readonly #session: DriveSession
  #longForm: boolean | undefined

  constructor(session: DriveSession) {
    this.#session = session
  }

  async sameVolume(): Promise<void> {
    // Such drives tell by a unit attention that another volume may be there.
  }

  async find(expected: Place): Promise<Place> {
    const { object, file, nearEnd } = await this.#ask()
    const { map, name } = this.#session
    if (object === undefined)
      throw new NbError('media-position-failed', `drive ${name} does not know where it stands`, {
        details: { drive: name },
      })
    if (nearEnd) map.warned(object)
    const counted = file ?? (expected.object === object ? expected.file : map.fileOf(object))
    return { object, ...(counted === undefined ? {} : { file: counted }) }
  }

  /** Whether the drive says that it's at the beginning of the tape: by its flag, not only by a number that might be any. */
  async atBeginning(): Promise<boolean> {
    const { beginning, object } = await this.#ask()
    return beginning && object === 0
  }

  /** READ POSITION, in its long form where the drive has that. */
  async #ask(): Promise<ReportedPosition> {
    const { unit } = this.#session
    if (this.#longForm !== false) {
      // The long form has no allocation length (SSC-5, READ POSITION).
      const cdb = buildCdb('read-position', { serviceAction: positionForm.long })
      const bytes = await unit.read(cdb, longPositionBytes)
      this.#longForm = bytes !== undefined
      if (bytes !== undefined) return parseLongPosition(bytes)
    }
    return this.#short()
  }

  async #short(): Promise<ReportedPosition> {
    const { unit } = this.#session
    const cdb = buildCdb('read-position', { serviceAction: positionForm.short })
    const bytes = await unit.read(cdb, shortPositionBytes)
    if (bytes !== undefined) return parseShortPosition(bytes)
    throw new NbError('not-supported', `drive ${this.#session.name} does not support READ POSITION`, {
      details: { drive: this.#session.name },
    })
  }

  async goTo(object: number): Promise<Place> {
    const ended = await this.#locate(object)
    if (ended === undefined) return this.#spaceTo(object)
    const end = spaceEnd(ended, 1)
    if (end.kind === 'failed') throw await this.#failed(end)
    const at = await this.find({ object })
    if (end.kind === 'end-of-data') {
      this.#session.map.endsAt(at.object)
      if (at.object !== object) {
        this.#session.standsAt(at)
        throw beyondEnd(this.#session, object, at.object)
      }
    }
    return this.#mustBe(object, at, 'LOCATE')
  }

  /** `undefined` where the drive has no LOCATE for this number. */
  async #locate(object: number): Promise<Ended | undefined> {
    const { supports } = await this.#session.facts()
    const choices: readonly (readonly [CdbName, () => Uint8Array])[] = [
      ['locate-16', () => buildCdb('locate-16', { identifier: object })],
      ...(object < 2 ** 32 ? [['locate-10', () => buildCdb('locate-10', { object })] as const] : []),
    ]
    for (const [command, build] of choices) {
      if (!supports.has(command)) continue
      const ended = await this.#session.motion(
        { cdb: build(), timeoutMs: this.#session.times.positionMs },
        'position',
      )
      if (ended.good || ended.meaning !== 'not-supported') return ended
      supports.refused(command)
    }
    return undefined
  }

  /** Without LOCATE: from the beginning over blocks and the filemarks between them. */
  async #spaceTo(object: number): Promise<Place> {
    let place = this.#session.standsAt(await rewind(this.#session))
    while (place.object < object) {
      const count = Math.min(object - place.object, mostSpace6)
      const { stoppedBy, place: now } = await this.space(place, { over: 'blocks', count })
      place = this.#session.standsAt(now)
      if (stoppedBy === 'end-of-data' && place.object < object)
        throw beyondEnd(this.#session, object, place.object)
    }
    return place
  }

  async space(from: Place, request: SpaceRequest): Promise<Spaced> {
    if (request.over === 'end-of-data') {
      const ended = await this.#space(spaceOver.endOfData, 0)
      const end = spaceEnd(ended, 0)
      if (end.kind === 'failed') throw await this.#failed(end)
      const place = await this.find({ object: -1 })
      this.#session.map.endsAt(place.object)
      return { passed: 0, place }
    }
    const { over, count } = request
    const end = spaceEnd(await this.#space(spaceOver[over], count), count)
    if (end.kind === 'failed') throw await this.#failed(end)
    if (over === 'filemarks' && end.kind === 'filemark')
      throw this.#incredible('SPACE over filemarks ended at a filemark')
    const expected = over === 'blocks' ? afterBlocks(from, count, end) : afterFilemarks(from, count, end)
    const place = await this.find(expected)
    if (end.kind === 'end-of-data') this.#session.map.endsAt(place.object)
    if (over === 'blocks' && expected.object !== -1) this.#mustBe(expected.object, place, 'SPACE')
    if (end.kind === 'beginning') this.#mustBe(0, place, 'SPACE')
    const passed =
      end.kind === 'passed' ? Math.abs(count) : (end.passed ?? passedBetween(over, from, place, end))
    if (passed === undefined) throw this.#incredible('SPACE told no residual')
    return { passed, ...(end.kind === 'passed' ? {} : { stoppedBy: end.kind }), place }
  }

  async #space(over: number, count: number): Promise<Ended> {
    const small = Math.abs(count) <= mostSpace6
    const cdb = small ? buildCdb('space-6', { over, count }) : buildCdb('space-16', { over, count })
    const ended = await this.#session.placed({ cdb, timeoutMs: this.#session.times.positionMs }, 'position')
    this.#session.losePlace('it was moving')
    return ended
  }

  #mustBe(object: number, at: Place, after: string): Place {
    if (at.object === object) return at
    this.#session.standsAt(at)
    throw notWhereBelieved(this.#session.name, at.object, object, `after ${after}`)
  }

  async #failed({ told }: Extract<SpaceEnd, { kind: 'failed' }>): Promise<NbError> {
    this.#session.losePlace(told.text)
    return this.#session.failure(told, 'position')
  }

  #incredible(what: string): NbError {
    this.#session.losePlace(what)
    return new NbError('media-position-failed', `drive ${this.#session.name}: ${what}`, {
      details: { drive: this.#session.name },
    })
  }
}

/** Where spacing over blocks must have led; -1 where only the drive knows. */
function afterBlocks(from: Place, count: number, end: SpaceEnd): Place {
  const step = Math.sign(count)
  const file = (by: number): { readonly file?: number } =>
    from.file === undefined ? {} : { file: from.file + by }
  if (end.kind === 'passed') return { object: from.object + count, ...file(0) }
  if (end.kind === 'failed' || end.passed === undefined) return { object: -1 }
  if (end.kind === 'filemark') return { object: from.object + step * (end.passed + 1), ...file(step) }
  return { object: from.object + step * end.passed, ...file(0) }
}

/** Over filemarks the object's number is the drive's to tell; the file's number is known. */
function afterFilemarks(from: Place, count: number, end: SpaceEnd): Place {
  const passed = end.kind === 'passed' ? Math.abs(count) : end.kind === 'failed' ? undefined : end.passed
  if (from.file === undefined || passed === undefined) return { object: -1 }
  return { object: -1, file: from.file + Math.sign(count) * passed }
}

function passedBetween(
  over: 'blocks' | 'filemarks',
  from: Place,
  to: Place,
  end: SpaceEnd,
): number | undefined {
  if (over === 'blocks') return Math.abs(to.object - from.object) - (end.kind === 'filemark' ? 1 : 0)
  return from.file === undefined || to.file === undefined ? undefined : Math.abs(to.file - from.file)
}
