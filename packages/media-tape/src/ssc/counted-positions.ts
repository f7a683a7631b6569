import { crc32 } from 'node:zlib'
import { NbError, type SpaceRequest } from '@nb/contracts'
import { buildCdb } from '../scsi/cdb.ts'
import { spaceOver } from '../scsi/command-codes.ts'
import { notReady } from './drive-errors.ts'
import { readEnd, spaceEnd } from './command-ends.ts'
import type { DriveSession, Place } from './drive-session.ts'
import { beyondEnd, type Positions, rewind, type Spaced } from './positions.ts'

const mostSpace6 = 2 ** 23 - 1

/**
 * For drives that don't tell where they stand, and whose SPACE over blocks counts filemarks as blocks without stopping at them (the
 * quirk `positions: 'counted'`). Such a SPACE succeeds exactly when it ends before the last object, so that object numbers can be
 * measured: by how far one can space from a place before the end of data is met. What was measured is kept in the map.
 */
export class CountedPositions implements Positions {
  readonly #session: DriveSession

  constructor(session: DriveSession) {
    this.#session = session
  }

  async sameVolume(): Promise<void> {
    const { volumeInDoubt, map, firstBlock, name, doubt } = this.#session
    if (!volumeInDoubt) return
    await this.#rewind()
    const same =
      map.end === 0 ? await this.#nothingHere() : firstBlock !== undefined && (await this.#begins(firstBlock))
    this.#session.volumeInDoubt = false
    if (same) return
    this.#session.forget()
    throw notReady(name, `the volume may be another one (${doubt}): load it again`)
  }

  async find(expected: Place): Promise<Place> {
    try {
      return await this.goTo(expected.object)
    } catch (error) {
      // Fewer objects than there should be: it stands at the end of data.
      if (
        error instanceof NbError &&
        error.details['asked'] === expected.object &&
        this.#session.place !== undefined
      )
        return this.#session.place
      throw error
    }
  }

  async goTo(object: number): Promise<Place> {
    const { map, place } = this.#session
    const known = this.#session.proven ? place : undefined
    const file = known?.object === object ? known.file : object === 0 ? 0 : map.fileOf(object)
    const to = { object, ...(file === undefined ? {} : { file }) }
    if (map.end !== undefined && object >= map.end) return this.#atEnd(object, map.end)
    let from = known
    if (from === undefined || from.object > object) from = await this.#rewind()
    if (await this.#forward(object - from.object)) return this.#session.standsAt(to)
    return this.#atEnd(object, await this.#end())
  }

  async #atEnd(object: number, end: number): Promise<Place> {
    const file = this.#session.map.fileOf(end)
    await this.#toEndOfData()
    const place = this.#session.standsAt({ object: end, ...(file === undefined ? {} : { file }) })
    if (object > end) throw beyondEnd(this.#session, object, end)
    return place
  }

  async space(from: Place, request: SpaceRequest): Promise<Spaced> {
    if (request.over === 'end-of-data') return { passed: 0, place: await this.#spaceToEnd(from) }
    const { over, count } = request
    if (count === 0) return { passed: 0, place: from }
    if (over === 'filemarks')
      return count > 0 ? this.#filemarks(from, count) : this.#filemarksBack(from, -count)
    return count > 0 ? this.#blocks(from, count) : this.#blocksBack(from, -count)
  }

  async #spaceToEnd(from: Place): Promise<Place> {
    const end = await this.#end()
    const marks = from.object === end ? 0 : await greatest(async (marks) => this.#overFilemarks(from, marks))
    await this.#toEndOfData()
    const place = { object: end, ...fileOf(from, marks) }
    this.#session.map.endsAt(end, place.file)
    return this.#session.standsAt(place)
  }

  async #filemarks(from: Place, count: number): Promise<Spaced> {
    const start = await this.#startAfter(from, count)
    if (start !== undefined) return { passed: count, place: await this.#stand(start, fileOf(from, count)) }
    const passed = await greatest(async (marks) => this.#overFilemarks(from, marks))
    return {
      passed,
      stoppedBy: 'end-of-data',
      place: await this.#stand(await this.#end(), fileOf(from, passed)),
    }
  }

  async #filemarksBack(from: Place, count: number): Promise<Spaced> {
    const file = await this.#fileOf(from)
    if (count > file)
      return { passed: file, stoppedBy: 'beginning', place: await this.#stand(0, { file: 0 }) }
    const start = await this.#startOf(file - count + 1)
    return { passed: count, place: await this.#stand(start - 1, { file: file - count }) }
  }

  async #blocks(from: Place, count: number): Promise<Spaced> {
    const next = await this.#startAfter(from, 1)
    const limit = next === undefined ? await this.#end() : next - 1
    if (from.object + count <= limit)
      return { passed: count, place: await this.#stand(from.object + count, fileOf(from, 0)) }
    const passed = limit - from.object
    if (next === undefined)
      return { passed, stoppedBy: 'end-of-data', place: await this.#stand(limit, fileOf(from, 0)) }
    return { passed, stoppedBy: 'filemark', place: await this.#stand(next, fileOf(from, 1)) }
  }

  async #blocksBack(from: Place, count: number): Promise<Spaced> {
    const file = await this.#fileOf(from)
    const start = await this.#startOf(file)
    if (from.object - count >= start)
      return { passed: count, place: await this.#stand(from.object - count, { file }) }
    const passed = from.object - start
    if (file === 0) return { passed, stoppedBy: 'beginning', place: await this.#stand(0, { file: 0 }) }
    return { passed, stoppedBy: 'filemark', place: await this.#stand(start - 1, { file: file - 1 }) }
  }

  async #stand(object: number, { file }: { readonly file?: number }): Promise<Place> {
    const place = await this.goTo(object)
    return this.#session.standsAt(file === undefined ? place : { ...place, file })
  }

  /** Objects on the tape. */
  async #end(): Promise<number> {
    const { map } = this.#session
    if (map.end !== undefined) return map.end
    await this.#rewind()
    if (await this.#nothingHere()) map.endsAt(0)
    else {
      const last = await greatest(async (object) => {
        await this.#rewind()
        return this.#forward(object)
      })
      map.endsAt(last + 1)
    }
    return map.end ?? 0
  }

  /** The first object after `marks` filemarks from a place on; `undefined` where there are fewer. */
  async #startAfter(from: Place, marks: number): Promise<number | undefined> {
    const { map } = this.#session
    const file = from.file === undefined ? undefined : from.file + marks
    const known = file === undefined ? undefined : map.startOf(file)
    if (known !== undefined) return known
    if (!(await this.#overFilemarks(from, marks))) return undefined
    const end = await this.#end()
    await this.#overFilemarks(from, marks)
    let start = end
    if (!(await this.#nothingHere())) {
      const beyond = await greatest(async (objects) => {
        await this.#overFilemarks(from, marks)
        return this.#forward(objects)
      })
      start = end - 1 - beyond
    }
    if (file !== undefined) map.startsAt(file, start)
    return start
  }

  async #startOf(file: number): Promise<number> {
    const start = file === 0 ? 0 : await this.#startAfter({ object: 0, file: 0 }, file)
    if (start !== undefined) return start
    throw this.#contradiction(`file ${file} is not there`)
  }

  /** How many filemarks lie before a place. */
  async #fileOf({ object, file }: Place): Promise<number> {
    if (file !== undefined) return file
    return (
      this.#session.map.fileOf(object) ??
      (await greatest(async (marks) => {
        const start = marks === 0 ? 0 : await this.#startAfter({ object: 0, file: 0 }, marks)
        return start !== undefined && start <= object
      }))
    )
  }

  async #rewind(): Promise<Place> {
    return this.#session.standsAt(await rewind(this.#session))
  }

  /** Over filemarks from a place on; whether there were as many. */
  async #overFilemarks(from: Place, marks: number): Promise<boolean> {
    await this.goTo(from.object)
    return marks === 0 || this.#space(spaceOver.filemarks, marks)
  }

  /** Over so many objects; false when that led to the end of data. */
  async #forward(objects: number): Promise<boolean> {
    for (let left = objects; left > 0; left -= mostSpace6)
      if (!(await this.#space(spaceOver.blocks, Math.min(left, mostSpace6)))) return false
    return true
  }

  async #toEndOfData(): Promise<void> {
    if (!this.#session.proven) await this.#rewind()
    await this.#space(spaceOver.endOfData, 0)
  }

  async #space(over: number, count: number): Promise<boolean> {
    const { times } = this.#session
    const cdb = buildCdb('space-6', { over, count })
    const ended = await this.#session.placed({ cdb, timeoutMs: times.positionMs }, 'position')
    this.#session.doubtPlace('it was moving')
    const end = spaceEnd(ended, count)
    if (end.kind === 'passed') return true
    if (end.kind === 'end-of-data') return false
    if (end.kind === 'failed') throw await this.#session.failure(end.told, 'position')
    throw this.#contradiction(`SPACE ended by ${end.kind}`)
  }

  /** Whether nothing is recorded here. The place is lost by that. */
  async #nothingHere(): Promise<boolean> {
    const cdb = buildCdb('read-6', { transferLength: 1 })
    const { times } = this.#session
    const ended = await this.#session.placed(
      { cdb, dataIn: new Uint8Array(1), timeoutMs: times.transferMs },
      'position',
    )
    this.#session.doubtPlace('it was moving')
    const end = readEnd(ended, 1)
    if (end.kind === 'failed') throw await this.#session.failure(end.told, 'position')
    return end.kind === 'end-of-data'
  }

  /** Whether the tape begins with this block. The place is lost by that. */
  async #begins({ bytes, crc }: NonNullable<DriveSession['firstBlock']>): Promise<boolean> {
    const dataIn = new Uint8Array(bytes)
    const cdb = buildCdb('read-6', { transferLength: bytes })
    const { times } = this.#session
    const ended = await this.#session.placed({ cdb, dataIn, timeoutMs: times.transferMs }, 'position')
    this.#session.doubtPlace('it was moving')
    const end = readEnd(ended, bytes)
    return (
      end.kind === 'block' && end.blockBytes === bytes && ended.dataInBytes === bytes && crc32(dataIn) === crc
    )
  }

  #contradiction(what: string): NbError {
    this.#session.losePlace(what)
    return new NbError(
      'media-position-failed',
      `drive ${this.#session.name}: ${what}; it was counted otherwise`,
      {
        details: { drive: this.#session.name },
      },
    )
  }
}

function fileOf(from: Place, marks: number): { readonly file?: number } {
  return from.file === undefined ? {} : { file: from.file + marks }
}

/** The greatest number for which it holds; it holds for 0, and for none above one for which it doesn't. */
async function greatest(holds: (number: number) => Promise<boolean>): Promise<number> {
  let least = 0
  let most = 1
  while (await holds(most)) {
    least = most
    most *= 2
  }
  while (most - least > 1) {
    const middle = least + Math.floor((most - least) / 2)
    if (await holds(middle)) least = middle
    else most = middle
  }
  return least
}
