import type { IncomingMessage } from 'node:http'
import { NbError } from '@nb/contracts'
import { isNestedDeeper } from './nesting.ts'
import { Turns } from './turns.ts'

/** What is read of an argument before its memory grows, bytes; a longer one waits for its turn to be parsed. */
const firstBytes = 16_384

/** How deep an argument may be nested: a megabyte of brackets would take fifty, and a tenth of a second. */
const mostDepth = 100

/** How many pieces of whatever size an argument may come in. */
const freePieces = 1024
/** How many bytes each piece beyond those has to bring, on average: whoever sends less keeps this process busy for nothing. */
const bytesOfPiece = 64

/** How much of arguments is held in memory while it is read and looked at, for all callers and for each; and whose is looked at next. */
export class ArgumentRoom {
  /** Long arguments are parsed and checked in turn: a megabyte can take a tenth of a second. */
  readonly turns: Turns = new Turns()
  readonly #most: number
  readonly #held = new Map<string, number>()
  #all = 0

  /** @param most - bytes for all callers together */
  constructor(most: number) {
    this.#most = most
  }

  /** Takes room, or throws `server-unreachable`: a caller that comes again later finds some. */
  take(caller: string, bytes: number, mostOfCaller: number): void {
    const held = this.#held.get(caller) ?? 0
    if (held + bytes > mostOfCaller || this.#all + bytes > this.#most)
      throw new NbError(
        'server-unreachable',
        'this server reads as many arguments at once as it has memory for; try again',
        { details: { bytes: held, most: mostOfCaller } },
      )
    this.#held.set(caller, held + bytes)
    this.#all += bytes
  }

  giveBack(caller: string, bytes: number): void {
    const left = (this.#held.get(caller) ?? 0) - bytes
    if (left > 0) this.#held.set(caller, left)
    else this.#held.delete(caller)
    this.#all -= bytes
  }
}

/** Whose argument is read, and how much of it at most. */
export interface ArgumentLimits {
  readonly room: ArgumentRoom
  /** Callers of one name share what each may take. */
  readonly caller: string
  /** Bytes. */
  readonly most: number
  /** What a longer one is answered with. @default `message-invalid` */
  readonly tooLong?: NbError
}

/**
 * The JSON of a request, `undefined` for none. In whatever pieces it comes, it takes no more memory than it has bytes, and that is counted: a caller may take
 * twice the longest argument for all that it sends at once. Of those longer than 16 KiB one is parsed in a turn of the event loop, callers in turn. Deeper nested than 100 times it is refused. More than 1,024 pieces have to bring 64 bytes each. Rejects with `message-invalid`, the error for a
 * long one, `server-unreachable` for want of room.
 */
export async function readArgument(
  request: IncomingMessage,
  what: string,
  limits: ArgumentLimits,
): Promise<unknown> {
  const type = request.headers['content-type']
  if (type !== undefined && !/^application\/json *(;|$)/i.test(type))
    throw invalid(what, `it is ${type}, not JSON`)
  const { room, caller, most } = limits
  const tooLong = limits.tooLong ?? invalid(what, `it has more than ${most} bytes`)
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLong
  let taken = 0
  const grow = (bytes: number): void => {
    room.take(caller, bytes - taken, 2 * most)
    taken = bytes
  }
  try {
    grow(Math.min(most, firstBytes))
    const bytes = await collect(request, taken, {
      most,
      grow: (bytes) => {
        if (bytes > most) throw tooLong
        grow(bytes)
      },
      tooMany: () => invalid(what, `it comes in pieces of less than ${bytesOfPiece} bytes; send larger ones`),
    })
    if (bytes.length > firstBytes) {
      await room.turns.next(caller)
      if (request.socket.destroyed) throw new Error('the caller has left')
    }
    return bytes.length === 0 ? undefined : parse(bytes, what)
  } finally {
    // What is made of it takes more than it does; what came in one turn of the event loop would all be there at once.
    setImmediate(() => room.giveBack(caller, taken))
  }
}

interface Collecting {
  readonly most: number
  /** Is told before more memory is taken, and throws where there may be no more. */
  readonly grow: (bytes: number) => void
  /** What too many pieces are refused with. */
  readonly tooMany: () => NbError
}

/** The whole body. */
function collect(
  request: IncomingMessage,
  first: number,
  { most, grow, tooMany }: Collecting,
): Promise<Buffer> {
  let held = Buffer.allocUnsafe(first)
  let length = 0
  let pieces = 0
  return new Promise((resolve, reject) => {
    const end = (failure?: Error): void => {
      request.off('data', take).off('end', ended).off('close', closed)
      if (failure === undefined) resolve(held.subarray(0, length))
      else reject(failure)
    }
    const take = (piece: Buffer): void => {
      try {
        const needed = length + piece.length
        pieces += 1
        if (pieces > freePieces && needed < (pieces - freePieces) * bytesOfPiece) throw tooMany()
        if (needed > held.length) {
          const bytes = Math.max(needed, Math.min(2 * held.length, most))
          grow(bytes)
          const more = Buffer.allocUnsafe(bytes)
          held.copy(more, 0, 0, length)
          held = more
        }
        piece.copy(held, length)
        length = needed
      } catch (error) {
        end(error as Error)
      }
    }
    const ended = (): void => end()
    const closed = (): void => end(new Error('the caller has left'))
    request.on('data', take).on('end', ended).on('close', closed)
  })
}

function parse(bytes: Buffer, what: string): unknown {
  if (isNestedDeeper(bytes, mostDepth)) throw invalid(what, `it is nested deeper than ${mostDepth} times`)
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw invalid(what, (error as Error).message)
  }
}

function invalid(what: string, why: string): NbError {
  return new NbError('message-invalid', `the argument of ${what}: ${why}`)
}
