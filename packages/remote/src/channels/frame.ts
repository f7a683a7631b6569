import { NbError } from '@nb/contracts'

/** Bytes before each frame's payload: kind (1) and payload length (4, big endian). */
export const frameHeaderBytes = 5

/** The most payload bytes of a data frame. */
export const mostDataBytes: number = 2 ** 20

/** Bytes before the compressed piece in a packed frame: how many it decompresses to. */
const packedHeadBytes = 4

/** The most payload bytes of every other frame. */
const mostOtherBytes = 4096

/** How many frames that only say that a peer is alive may come in one piece of a connection: those of 40 minutes that were held up. */
const mostAlive = 256

/** What a frame of a data channel says. */
export const frameKinds = {
  /** Bytes of the stream. */
  data: 1,
  /** No more bytes from this end. */
  end: 2,
  /** The channel is broken; the payload is the reason in UTF-8. */
  abort: 3,
  /** The reader has taken so many more bytes (4, big endian); the writer may send as many. */
  credit: 4,
  /** Nothing but that this end is alive. */
  alive: 5,
  /** Bytes of the stream, compressed: how many they are (4, big endian), and a frame of Zstandard. Only where both ends have said so. */
  packed: 6,
} as const

/** The number of a kind of frame. */
export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds]

/** The header of a frame. */
export function frameHeader(kind: FrameKind, payloadBytes: number): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderBytes)
  header.writeUInt8(kind, 0)
  header.writeUInt32BE(payloadBytes, 1)
  return header
}

/** What stands before the compressed piece of a packed frame, the frame's header included. */
export function packedHeader(pieceBytes: number, packedBytes: number): Buffer {
  const head = Buffer.allocUnsafe(packedHeadBytes)
  head.writeUInt32BE(pieceBytes)
  return Buffer.concat([frameHeader(frameKinds.packed, packedHeadBytes + packedBytes), head])
}

/** A whole frame with a small payload. */
export function smallFrame(kind: FrameKind, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const fitting = payload.subarray(0, mostOtherBytes)
  return Buffer.concat([frameHeader(kind, fitting.length), fitting])
}

/** A frame that gives the writer room. */
export function creditFrame(bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32BE(bytes)
  return smallFrame(frameKinds.credit, payload)
}

/** What a parser tells. Data comes in pieces as they arrive, without being put together; they are valid during the call. */
export interface FrameSink {
  readonly data: (piece: Uint8Array) => void
  readonly end: () => void
  readonly abort: (reason: string) => void
  readonly credit: (bytes: number) => void
  /** A compressed piece, whole, and how many bytes it is told to hold: 1 to 1 MiB. @default such frames are refused */
  readonly packed?: (pieceBytes: number, packed: Uint8Array) => void
}

/** Makes the push parser of a channel's frames. It keeps nothing of the memory of what it is given, and throws `message-invalid` for bytes that are no frame, too large a one, or say nothing over and over. */
export function createFrameParser(sink: FrameSink): (bytes: Uint8Array) => void {
  /** Header and, but for data, payload of the frame that is arriving. */
  let held: Uint8Array = new Uint8Array(0)
  let dataLeft = 0
  let gathered: { readonly payload: Buffer; fill: number } | undefined
  /** Signs of life in the piece that arrived last. */
  let alive = 0

  const small = (kind: number, payload: Buffer): void => {
    if (kind === frameKinds.end) sink.end()
    else if (kind === frameKinds.abort) sink.abort(plain(payload))
    else if (kind === frameKinds.credit && payload.length === 4 && payload.readUInt32BE(0) > 0)
      sink.credit(payload.readUInt32BE(0))
    else if (kind === frameKinds.alive && payload.length === 0 && ++alive <= mostAlive) return
    else throw notAFrame(`kind ${kind} with ${payload.length} bytes`)
  }
  const takeHeld = (): boolean => {
    if (held.length < frameHeaderBytes) return false
    const frame = Buffer.from(held.buffer, held.byteOffset, held.length)
    const kind = frame.readUInt8(0)
    const length = frame.readUInt32BE(1)
    const isPacked = kind === frameKinds.packed && sink.packed !== undefined
    if (length > (kind === frameKinds.data || isPacked ? mostDataBytes : mostOtherBytes))
      throw notAFrame(`kind ${kind} with ${length} bytes`)
    if (kind === frameKinds.data || isPacked) {
      if (length === 0) throw notAFrame(`kind ${kind} with nothing in it`)
      held = held.subarray(frameHeaderBytes)
      if (isPacked) gathered = { payload: Buffer.allocUnsafe(length), fill: 0 }
      else dataLeft = length
      return true
    }
    if (held.length < frameHeaderBytes + length) return false
    held = held.subarray(frameHeaderBytes + length)
    small(kind, frame.subarray(frameHeaderBytes, frameHeaderBytes + length))
    return true
  }
  const takeData = (): boolean => {
    const piece = held.subarray(0, dataLeft)
    if (piece.length === 0) return false
    held = held.subarray(piece.length)
    dataLeft -= piece.length
    sink.data(piece)
    return true
  }
  const gather = (packed: { readonly payload: Buffer; fill: number }): boolean => {
    const { payload } = packed
    const piece = held.subarray(0, payload.length - packed.fill)
    payload.set(piece, packed.fill)
    packed.fill += piece.length
    held = held.subarray(piece.length)
    if (packed.fill < payload.length) return false
    gathered = undefined
    const pieceBytes = payload.length > packedHeadBytes ? payload.readUInt32BE(0) : 0
    if (pieceBytes < 1 || pieceBytes > mostDataBytes) throw notAFrame(`${pieceBytes} bytes, compressed`)
    sink.packed?.(pieceBytes, payload.subarray(packedHeadBytes))
    return true
  }
  return (bytes) => {
    alive = 0
    if (held.length === 0 && bytes.length <= dataLeft) {
      // Most pieces lie in the midst of a frame.
      dataLeft -= bytes.length
      sink.data(bytes)
      return
    }
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
    while (gathered !== undefined ? gather(gathered) : dataLeft > 0 ? takeData() : takeHeld());
    if (held.length > 0) held = Buffer.from(held)
  }
}

function notAFrame(what: string): NbError {
  return new NbError('message-invalid', `what arrived on the data channel is no frame: ${what}`)
}

/** What the other side says of its reasons is shown on terminals, and is to do nothing there. */
function plain(text: Buffer): string {
  return text.toString('utf8').replace(/\p{Cc}/gu, ' ')
}
