import type { Duplex } from 'node:stream'
import { type CallOptions, type Clock, type DataChannel, NbError, throwIfAborted } from '@nb/contracts'
import { Backlog } from './backlog.ts'
import { channelBroken, misused } from './channel-errors.ts'
import { createDeferred, type Deferred, orAborted } from './deferred.ts'
import {
  createFrameParser,
  creditFrame,
  frameHeader,
  frameKinds,
  mostDataBytes,
  packedHeader,
  smallFrame,
} from './frame.ts'
import { letGo } from './let-go.ts'
import { decompressPiece, PieceCompressor } from './wire-compression.ts'

/** How many bytes a writer may be ahead of its reader. */
export const windowBytes: number = 4 * 2 ** 20

/** From how many bytes on what a frame holds is written by itself. */
const leastAloneBytes = 128 * 1024

/** How long a last word may take to leave before the connection is cut, milliseconds. */
const lastWordMs = 5000

/** How an end of a channel is made. */
export interface FramedChannelOptions {
  /** Who is at the other end, for messages. @default 'the other side' */
  readonly peer?: string
  /** Whether both ends have said that they compress what they send, and read such. @default false */
  readonly compressed?: boolean
}

/**
 * One end of a channel over a connection. Both ends always read the connection, so that an abort arrives however
 * slow the reader of the data is; what keeps a writer back is the credit its reader gives: at most 4 MiB are under way
 * or waiting to be read. Where both ends compress, they count as they are before and after.
 *
 * Each direction goes open → ended; the whole goes open → failed, for good, with one reason. The connection is
 * closed when both directions have ended, and cut when the channel has failed.
 */
export class FramedChannel implements DataChannel {
  readonly #connection: Duplex
  readonly #peer: string
  readonly #clock: Clock
  /** Where both ends compress. */
  readonly #compressor: PieceCompressor | undefined
  #credit = windowBytes
  #creditWanted: Deferred<void> | undefined
  #writing = false
  #ending: Promise<void> | undefined
  #sentEnd = false
  readonly #arrived = new Backlog()
  #unread = 0
  #taken = 0
  #peerEnded = false
  #wanted: Deferred<Uint8Array | undefined> | undefined
  #handOverDue: NodeJS.Immediate | undefined
  #failure: NbError | undefined
  #lastWrite: Promise<void> = Promise.resolve()

  constructor(
    connection: Duplex,
    clock: Clock,
    { peer = 'the other side', compressed = false }: FramedChannelOptions = {},
  ) {
    this.#connection = connection
    this.#peer = peer
    this.#clock = clock
    this.#compressor = compressed ? new PieceCompressor() : undefined
    const parse = createFrameParser({
      data: (piece) => this.#dataArrived(piece),
      end: () => this.#endArrived(),
      abort: (reason) => this.#abortArrived(reason),
      credit: (bytes) => this.#creditArrived(bytes),
      ...(compressed ? { packed: (bytes, packed) => this.#packedArrived(bytes, packed) } : {}),
    })
    connection.on('data', (bytes: Buffer) => {
      // It is read on, so that the last word finds its way, and looked at no more.
      if (this.#failure !== undefined) return
      try {
        parse(bytes)
        letGo(bytes)
      } catch (error) {
        this.abort(error instanceof Error ? error.message : String(error))
      }
    })
    connection.on('error', (error) => this.#fail(`the connection to ${peer} failed: ${error.message}`))
    connection.on('close', () => this.#connectionClosed())
    connection.resume()
  }

  async write(chunk: Uint8Array, options?: CallOptions): Promise<void> {
    throwIfAborted(options)
    if (this.#failure !== undefined) throw this.#failure
    if (this.#ending !== undefined) throw misused('was written to after its end')
    if (this.#writing) throw misused('takes one write at a time')
    if (chunk.length === 0) return
    this.#writing = true
    this.#lastWrite = this.#writeAll(chunk).finally(() => (this.#writing = false))
    this.#lastWrite.catch(() => {})
    await orAborted(this.#lastWrite, options?.signal, () => this.abort('a write was cancelled'))
  }

  async read(options?: CallOptions): Promise<Uint8Array | undefined> {
    throwIfAborted(options)
    if (this.#failure !== undefined) throw this.#failure
    if (this.#wanted !== undefined) throw misused('takes one read at a time')
    const piece = this.#arrived.shift()
    if (piece !== undefined) return this.#take(piece)
    if (this.#peerEnded) return undefined
    const wanted = createDeferred<Uint8Array | undefined>()
    this.#wanted = wanted
    return orAborted(wanted.promise, options?.signal, () => {
      if (this.#wanted === wanted) this.#wanted = undefined
    })
  }

  async end(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    await (this.#ending ??= this.#sendEnd())
  }

  abort(reason: string): void {
    if (this.#failure !== undefined || this.#bothEnded()) return
    if (!this.#connection.writableEnded)
      this.#connection.end(smallFrame(frameKinds.abort, Buffer.from(reason)))
    this.#fail(reason)
  }

  async #writeAll(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      while (this.#credit === 0) {
        // It may have failed while the last piece was on its way to the kernel: then no credit comes any more.
        if (this.#failure !== undefined) throw this.#failure
        this.#creditWanted ??= createDeferred<void>()
        await this.#creditWanted.promise
      }
      const piece = chunk.subarray(at, at + Math.min(this.#credit, mostDataBytes))
      this.#credit -= piece.length
      at += piece.length
      const packed = await this.#compressor?.compress(piece)
      if (packed === undefined) await this.#send(frameHeader(frameKinds.data, piece.length), piece)
      else await this.#send(packedHeader(piece.length, packed.length), packed)
    }
  }

  /** Resolves when the kernel has the bytes, so that their memory is free again. */
  async #send(head: Uint8Array, body?: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const sent = createDeferred<void>()
    const done = (error?: Error | null): void => {
      if (error == null) sent.resolve()
      else sent.reject(this.#failure ?? channelBroken(error.message))
    }
    if (body === undefined) this.#connection.write(head, done)
    else if (body.length >= leastAloneBytes) {
      // In one go TLS would copy both to new memory first.
      this.#connection.write(head)
      this.#connection.write(body, done)
    } else {
      this.#connection.cork()
      this.#connection.write(head)
      this.#connection.write(body, done)
      this.#connection.uncork()
    }
    await sent.promise
  }

  async #sendEnd(): Promise<void> {
    await this.#lastWrite
    await this.#send(smallFrame(frameKinds.end))
    this.#sentEnd = true
    this.#closeIfBothEnded()
  }

  #packedArrived(pieceBytes: number, packed: Uint8Array): void {
    // Before any memory is taken for it.
    if (this.#mayArrive(pieceBytes)) this.#dataArrived(decompressPiece(packed, pieceBytes))
  }

  #mayArrive(bytes: number): boolean {
    if (this.#failure !== undefined) return false
    if (this.#peerEnded) throw new NbError('message-invalid', 'data came after the end')
    if (this.#unread + bytes > windowBytes)
      throw new NbError('message-invalid', 'more data came than was asked for')
    return true
  }

  #dataArrived(piece: Uint8Array): void {
    if (!this.#mayArrive(piece.length)) return
    this.#unread += piece.length
    this.#arrived.push(piece)
    if (this.#wanted === undefined) return
    // Much comes in one turn of the event loop, in pieces of a TLS record each: who waits is not woken for each of them.
    if (this.#arrived.hasMuch) this.#handOver()
    else this.#handOverDue ??= setImmediate(() => this.#handOver())
  }

  /** Gives who waits what has arrived. */
  #handOver(): void {
    if (this.#handOverDue !== undefined) clearImmediate(this.#handOverDue)
    this.#handOverDue = undefined
    const wanted = this.#wanted
    const piece = wanted === undefined ? undefined : this.#arrived.shift()
    if (piece === undefined) return
    this.#wanted = undefined
    wanted?.resolve(this.#take(piece))
  }

  /** Counts bytes as read, and tells the writer a few times per window. */
  #take(piece: Uint8Array): Uint8Array {
    this.#unread -= piece.length
    this.#taken += piece.length
    if (this.#taken >= windowBytes / 8 && !this.#peerEnded && !this.#connection.writableEnded) {
      this.#connection.write(creditFrame(this.#taken))
      this.#taken = 0
    }
    return piece
  }

  #endArrived(): void {
    if (this.#peerEnded) throw new NbError('message-invalid', 'a second end came')
    this.#peerEnded = true
    this.#handOver()
    this.#wanted?.resolve(undefined)
    this.#wanted = undefined
    this.#closeIfBothEnded()
  }

  #abortArrived(reason: string): void {
    this.#fail(reason)
    this.#connection.destroy()
  }

  #creditArrived(bytes: number): void {
    this.#credit += bytes
    if (this.#credit > windowBytes) throw new NbError('message-invalid', 'more credit came than was used')
    this.#creditWanted?.resolve()
    this.#creditWanted = undefined
  }

  #bothEnded(): boolean {
    return this.#sentEnd && this.#peerEnded
  }

  #closeIfBothEnded(): void {
    if (this.#bothEnded()) this.#leave()
  }

  #connectionClosed(): void {
    if (!this.#bothEnded()) this.#fail(`${this.#peer} closed the connection`)
  }

  #fail(reason: string): void {
    if (this.#failure !== undefined || this.#bothEnded()) return
    const failure = channelBroken(reason)
    this.#failure = failure
    this.#arrived.clear()
    this.#wanted?.reject(failure)
    this.#creditWanted?.reject(failure)
    this.#wanted = this.#creditWanted = undefined
    this.#leave()
  }

  /** What was written may still leave, for a while; then the connection is cut. */
  #leave(): void {
    this.#connection.end()
    const cancel = this.#clock.setTimer(lastWordMs, () => this.#connection.destroy())
    this.#connection.once('close', cancel)
  }
}
